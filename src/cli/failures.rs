//! `imstrail failures`: its arguments.

use clap::{Args, ValueEnum};
use ipnet::IpNet;

use super::{Common, network};
use crate::answer::{By, Thresholds};
use crate::fold::Refusal;

pub(super) const EXAMPLES: &str = "\
Examples:
  imstrail failures --since 2019-05-29 --until 2019-05-30 logs/      who was refused on a day
  imstrail failures --from 203.0.113.0/24 logs/                      what one network tried
  imstrail failures --by address logs/                               how many from each address, most first
  imstrail failures --findings logs/                                 what the refusals show together
  imstrail failures --findings --many-users 50 --within 10m --format jsonl logs/ | jq -r .address

The user is whatever the client sent: everything between the mechanism and the last known reason.
Findings are of the refusals that are asked for; a login after them may be of any service and later.";

/// `imstrail failures`
#[derive(Clone, Debug, Args)]
pub struct FailuresArgs {
    /// Only refusals from this network, as 192.0.2.0/24, or address; may be repeated
    #[arg(long, value_name = "CIDR", value_parser = network)]
    pub from: Vec<IpNet>,
    /// Only this: refused logins, what a multiplexor refused, connections that never logged in; may be repeated, or several with commas
    #[arg(long, value_name = "KIND", value_enum, value_delimiter = ',', default_values_t = [KindArg::Refused, KindArg::ProxyRefused])]
    pub kind: Vec<KindArg>,
    /// Count them, by user, address, reason, hour or day, in place of the refusals
    #[arg(long, value_name = "WHAT", value_enum, conflicts_with = "findings")]
    pub by: Option<ByArg>,
    /// What the refusals show together, each finding with its rule and its lines, in place of the refusals
    #[arg(long, help_heading = "Findings")]
    pub findings: bool,
    /// So many users refused from one address are a finding
    #[arg(long, value_name = "N", value_parser = threshold(), default_value = "10", help_heading = "Findings")]
    pub many_users: u16,
    /// So many addresses from which one user is refused are a finding
    #[arg(long, value_name = "N", value_parser = threshold(), default_value = "10", help_heading = "Findings")]
    pub many_addresses: u16,
    /// A login after so many refusals is a finding
    #[arg(long, value_name = "N", value_parser = threshold(), default_value = "5", help_heading = "Findings")]
    pub run: u16,
    /// All of that within this time: 90s, 10m, 1h, 2d
    #[arg(long, value_name = "TIME", value_parser = seconds, default_value = "1h", help_heading = "Findings")]
    pub within: u32,
    /// What every question may have.
    #[command(flatten)]
    pub common: Common,
}

/// `--kind`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    /// A login was refused
    Refused,
    /// A multiplexor refused a user or an address
    ProxyRefused,
    /// A connection ended without a login
    NeverLoggedIn,
}

/// `--by`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ByArg {
    /// The user as given
    User,
    /// The address, without its port
    Address,
    /// The reason
    Reason,
    /// The hour, by the clock of the store
    Hour,
    /// The day, by the clock of the store
    Day,
}

impl From<ByArg> for By {
    fn from(arg: ByArg) -> By {
        match arg {
            ByArg::User => By::User,
            ByArg::Address => By::Address,
            ByArg::Reason => By::Reason,
            ByArg::Hour => By::Hour,
            ByArg::Day => By::Day,
        }
    }
}

impl FailuresArgs {
    /// What clap cannot check by itself.
    ///
    /// # Errors
    /// What is wrong and what was expected.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.by.is_some() && (self.common.evidence || self.common.format.is_of_events()) {
            return Err(
                "--by counts refusals, and counts have no lines and are no events: leave out --evidence, and choose \
                        --format table, json, jsonl or csv"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// What is listed.
    pub fn kinds(&self) -> Vec<Refusal> {
        let kind = |kind: &KindArg| match kind {
            KindArg::Refused => Refusal::Login,
            KindArg::ProxyRefused => Refusal::Proxy,
            KindArg::NeverLoggedIn => Refusal::NeverLoggedIn,
        };
        self.kind.iter().map(kind).collect()
    }

    /// What makes a finding.
    pub fn thresholds(&self) -> Thresholds {
        Thresholds {
            many_users: self.many_users.into(),
            many_addresses: self.many_addresses.into(),
            run: self.run.into(),
            within: self.within.into(),
        }
    }
}

fn threshold() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=1000)
}

/// A length of time, in seconds.
fn seconds(text: &str) -> Result<u32, String> {
    let (number, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    let unit = match unit {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => 0,
    };
    let seconds = number.parse::<u32>().ok().and_then(|number| number.checked_mul(unit));
    seconds
        .filter(|s| (1..=366 * 86_400).contains(s))
        .ok_or_else(|| "expected a time such as 90s, 10m, 1h or 2d, up to 366d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, expected) in [("90s", 90), ("10m", 600), ("1h", 3600), ("2d", 172_800), ("7", 7)] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "h", "0s", "-1h", "1w", "1.5h", "367d", "99999999999h", "4000000000h", "1hh"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
