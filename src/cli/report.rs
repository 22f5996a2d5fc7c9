//! `imstrail report`: its arguments.

use std::path::{Path, PathBuf};

use clap::Args;
use ipnet::IpNet;

use super::{Common, Format, network};

pub(super) const EXAMPLES: &str = "\
Examples:
  imstrail report -o report.html logs/                 all of an archive on one page
  imstrail report -o may.html --since 2019-05-01 --until 2019-06-01 --tz utc logs/
  imstrail report -o case7.html -u ed --top 1 logs/    one user
  imstrail report -o team.html --pseudonymize KEYFILE logs/

The page needs no network and no other file. Of more users than it has room for, those with the latest
access are listed, and all of them go to a file beside it: report.html and report-last-access.csv.
Days and hours are by --tz. Sessions are counted as by imstrail sessions, refusals as by failures,
findings with the thresholds of failures --findings, last accesses as by -a, which has no --from.

Access records are personal data: keep the page as you keep the logs.";

/// `imstrail report`
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// Only sessions and refusals from this network, as 192.0.2.0/24, or address; may be repeated
    #[arg(long, value_name = "CIDR", value_parser = network)]
    pub from: Vec<IpNet>,
    /// List so many users, addresses and domains; each of these users gets a section
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=900), default_value = "200", help_heading = "Output")]
    pub top: u16,
    /// List so many users with their last access, the latest; of more, all go to a file beside the page
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50_000), default_value = "20000", help_heading = "Output")]
    pub last_access: u32,
    /// What every question may have.
    #[command(flatten)]
    pub common: Common,
}

impl ReportArgs {
    /// What clap cannot check by itself.
    ///
    /// # Errors
    /// What is wrong and what was expected.
    pub(super) fn check(&self) -> Result<(), String> {
        let Common { output, plan, format, evidence, .. } = &self.common;
        if output.is_none() && !plan {
            return Err("report writes a page to a file: name it with -o, as in -o report.html".to_owned());
        }
        if *format != Format::Table {
            return Err(
                "report writes HTML: leave out --format; sessions, failures, coverage and -a give the same as data"
                    .to_owned(),
            );
        }
        if *evidence {
            return Err("report has no place for the lines of --evidence: leave it out, and ask sessions -u UID --evidence about a user".to_owned());
        }
        Ok(())
    }

    /// The file beside the page for the last access of all users: of `report.html`, `report-last-access.csv`.
    pub fn beside(&self) -> Option<PathBuf> {
        let page = self.common.output.as_deref()?;
        let mut name = page.file_stem()?.to_owned();
        name.push("-last-access.csv");
        Some(page.parent().unwrap_or(Path::new("")).join(name))
    }
}
