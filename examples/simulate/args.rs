//! The command line.

use crate::pack::Codec;
use crate::sim::{Config, Damage, Files, Level, Service, Site, Span, Traffic, Trouble, Zone, parse_utc};
use std::path::PathBuf;

/// Writes the logs that a site of simulated message stores leaves behind, and the truth about them.
/// The same arguments give the same bytes.
#[derive(clap::Parser)]
#[command(name = "simulate")]
pub(crate) struct Args {
    /// Folder for the log files
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Write the truth about every session, JSON Lines
    #[arg(long, value_name = "FILE")]
    pub(crate) truth: Option<PathBuf>,
    /// Write the truth about every refused login, JSON Lines
    #[arg(long, value_name = "FILE")]
    pub(crate) failures: Option<PathBuf>,
    /// Write the truth about every process, JSON Lines
    #[arg(long, value_name = "FILE")]
    pub(crate) lives: Option<PathBuf>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// bench: --single-file --users 200000 --rate 38000 --open 40000 --pids 4 --size 1.04G, 3 % other lines
    #[arg(long)]
    preset: Option<Preset>,
    /// Stop at so many bytes of log: 100M, 1.04G, 2Mi ("Log created" lines not counted)
    #[arg(long, value_parser = size)]
    size: Option<u64>,
    /// Stop after so many days [default: 1, without --size]
    #[arg(long, value_parser = positive)]
    days: Option<f64>,
    /// The archive's first second, UTC
    #[arg(long, value_name = "TIME", default_value = "2019-05-29T00:00:00Z", value_parser = start)]
    start: i64,
    /// Hours simulated before --start: sessions are open when the archive begins
    #[arg(long, value_name = "HOURS", default_value_t = 0.0)]
    warm: f64,
    /// berlin, utc, or an offset such as +0100; may be repeated for one store: store2=utc
    #[arg(long, value_name = "[STORE=]ZONE", value_parser = zone)]
    zone: Vec<(Option<String>, Zone)>,
    /// notice or information [default]; may be repeated for one store: store1=notice
    #[arg(long, value_name = "[STORE=]LEVEL", value_parser = level)]
    level: Vec<(Option<String>, Level)>,
    /// Users, over all stores [default: 1000]
    #[arg(long)]
    users: Option<usize>,
    /// Stores, store1 to storeN [default: 1]
    #[arg(long)]
    stores: Option<usize>,
    /// Services of each store [default: imap,pop,http]
    #[arg(long, value_delimiter = ',', value_parser = service)]
    services: Vec<Service>,
    /// Processes a service [default: 2]
    #[arg(long)]
    pids: Option<usize>,
    /// The HTTP processes are called mshttpd, not httpd
    #[arg(long)]
    mshttpd: bool,
    /// Sessions an hour and store [default: 500]
    #[arg(long, value_parser = positive)]
    rate: Option<f64>,
    /// Sessions open at one time in a store, on average; open / rate is their mean length [default: 200]
    #[arg(long, value_parser = positive)]
    open: Option<f64>,
    /// Share of connections that begin with a refused login [default: 0.02]
    #[arg(long, value_parser = share)]
    refused: Option<f64>,
    /// Share of connections without any login [default: 0.01]
    #[arg(long, value_parser = share)]
    unauthenticated: Option<f64>,
    /// Share of lines that are neither login nor close, about [default: 0.02]
    #[arg(long, value_parser = share)]
    noise: Option<f64>,
    /// Share of users from IPv6: eight groups, then the port, 2001:db8:0:a:0:0:1f:7:40718
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    ipv6: f64,
    /// Share of users in hosted domains, uid@domain [default: 0.2]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    hosted: Option<f64>,
    /// Share of sessions whose user is written in mixed case (lower case in the truth)
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    mixed_case: f64,
    /// Write peers without their port
    #[arg(long)]
    no_ports: bool,
    /// Restarts a store over the run: half of all services, half of one; they lose sessions
    #[arg(long, default_value_t = 0)]
    restarts: usize,
    /// Crashes of single processes a store over the run
    #[arg(long, default_value_t = 0)]
    crashes: usize,
    /// Access processes log "starting up" and "shutting down" (no mark at the beginning of the run)
    #[arg(long)]
    marks: bool,
    /// A process comes back with its old pid
    #[arg(long)]
    reuse_pids: bool,
    /// Rotate files at this size; 0: one file a service
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = size)]
    rotate_bytes: u64,
    /// Level of "Log created" lines: information (a store at notice has none), notice, or none
    #[arg(long, value_name = "LEVEL", default_value = "information")]
    created: Created,
    /// One store, service imap, no folder for the store; a single file unless --rotate-bytes
    #[arg(long)]
    single_file: bool,
    /// Compress rotated files, taking turns: gz,zst,bz2,none
    #[arg(long, value_delimiter = ',')]
    pub(crate) compress: Vec<Codec>,
    /// Clients use so many ports, again and again; 0: all
    #[arg(long, default_value_t = 0)]
    few_ports: u16,
    /// There are so many pids, given out again and again (more than processes); 0: all
    #[arg(long, default_value_t = 0)]
    few_pids: u32,
    /// Damage the archive: cut, flip, drop-lines, drop-files, repeat-files, overlap, swap-lines, interleave,
    /// jump-clock, mix-levels; several in this order. Cut and flip hit compressed bytes if files are compressed. All
    /// of the archive is held in memory
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = damage)]
    pub(crate) damage: Vec<Damage>,
    /// With --damage, write which lines are gone, altered or have another stamp, JSON Lines
    #[arg(long, value_name = "FILE", requires = "damage")]
    pub(crate) wounds: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Preset {
    Bench,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Created {
    Information,
    Notice,
    None,
}

impl Args {
    /// What is to be simulated; the error is a sentence for the user.
    pub(crate) fn config(&self) -> Result<Config, String> {
        let bench = self.preset.is_some();
        let single = bench || self.single_file;
        let stores = self.stores.unwrap_or(1);
        if single && (stores != 1 || self.services.iter().any(|s| *s != Service::Imap)) {
            return Err("a single file has one store and the service imap".into());
        }
        if stores == 0 || self.pids == Some(0) {
            return Err("there must be at least one store, and one process a service".into());
        }
        let processes = self.services.len().max(3) * self.pids.unwrap_or(2);
        if self.few_pids > 0 && self.few_pids as usize <= processes {
            return Err(format!("there must be more pids than {processes} processes"));
        }
        let all = if single { vec![Service::Imap] } else { Site::default().services };
        let unless_bench =
            |given: Option<f64>, usual: f64, in_bench: f64| given.unwrap_or(if bench { in_bench } else { usual });
        let mut services = if self.services.is_empty() { all } else { self.services.clone() };
        services.sort_unstable();
        services.dedup();
        Ok(Config {
            seed: self.seed,
            span: self.span(bench),
            site: Site {
                stores,
                services,
                pids: self.pids.unwrap_or(if bench { 4 } else { 2 }),
                level: general(&self.level).unwrap_or(Level::Information),
                levels: particular(&self.level),
                zone: general(&self.zone).unwrap_or(Zone::Berlin),
                zones: particular(&self.zone),
                mshttpd: self.mshttpd,
            },
            traffic: Traffic {
                users: self.users.unwrap_or(if bench { 200_000 } else { 1000 }).max(1),
                rate: unless_bench(self.rate, 500.0, 38_000.0),
                open: unless_bench(self.open, 200.0, 40_000.0),
                refused: unless_bench(self.refused, 0.02, 0.008),
                unauthenticated: unless_bench(self.unauthenticated, 0.01, 0.004),
                noise: unless_bench(self.noise, 0.02, 0.018),
                ipv6: self.ipv6,
                hosted: unless_bench(self.hosted, 0.2, 0.1),
                mixed_case: self.mixed_case,
                ports: !self.no_ports,
                few_ports: self.few_ports,
            },
            trouble: Trouble {
                restarts: self.restarts,
                crashes: self.crashes,
                marks: self.marks,
                reuse_pids: self.reuse_pids,
                few_pids: self.few_pids,
            },
            files: Files {
                rotate_bytes: self.rotate_bytes,
                flat: single,
                created: match self.created {
                    Created::Information => Some(Level::Information),
                    Created::Notice => Some(Level::Notice),
                    Created::None => None,
                },
            },
        })
    }

    fn span(&self, bench: bool) -> Span {
        let bytes = self.size.or((bench && self.days.is_none()).then_some(1_040_000_000));
        let days = self.days.or(bytes.is_none().then_some(1.0));
        Span {
            start: self.start,
            seconds: days.map(|d| (d * 86_400.0) as u64),
            bytes,
            warm: (self.warm.max(0.0) * 3600.0) as u64,
        }
    }
}

/// The last value that was given for no store in particular.
fn general<T: Copy>(values: &[(Option<String>, T)]) -> Option<T> {
    values.iter().rev().find(|(store, _)| store.is_none()).map(|v| v.1)
}

fn particular<T: Copy>(values: &[(Option<String>, T)]) -> Vec<(String, T)> {
    values.iter().filter_map(|(store, value)| Some((store.clone()?, *value))).collect()
}

fn split(text: &str) -> (Option<String>, &str) {
    text.split_once('=').map_or((None, text), |(store, value)| (Some(store.to_string()), value))
}

fn level(text: &str) -> Result<(Option<String>, Level), String> {
    let (store, word) = split(text);
    match word {
        "notice" => Ok((store, Level::Notice)),
        "information" => Ok((store, Level::Information)),
        _ => Err("expected notice or information".into()),
    }
}

fn zone(text: &str) -> Result<(Option<String>, Zone), String> {
    let (store, word) = split(text);
    let fixed = |sign: i32, digits: &str| {
        let number: i32 = digits.parse().ok().filter(|_| digits.len() == 4)?;
        Some(Zone::Fixed(sign * (number / 100 * 3600 + number % 100 * 60)))
    };
    let zone = match word {
        "berlin" => Some(Zone::Berlin),
        "utc" => Some(Zone::Fixed(0)),
        _ => word
            .strip_prefix('+')
            .and_then(|d| fixed(1, d))
            .or_else(|| word.strip_prefix('-').and_then(|d| fixed(-1, d))),
    };
    Ok((store, zone.ok_or("expected berlin, utc or an offset such as +0100")?))
}

fn service(text: &str) -> Result<Service, String> {
    [Service::Imap, Service::Pop, Service::Http]
        .into_iter()
        .find(|s| s.name() == text)
        .ok_or_else(|| "expected imap, pop or http".into())
}

fn damage(text: &str) -> Result<Damage, String> {
    let names = || Damage::ALL.map(Damage::name).join(", ");
    Damage::ALL.into_iter().find(|d| d.name() == text).ok_or_else(|| format!("expected one of {}", names()))
}

fn start(text: &str) -> Result<i64, String> {
    parse_utc(text).filter(|t| *t >= 0).ok_or_else(|| "expected a time such as 2019-05-29T00:00:00Z".into())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|s| (0.0..=1.0).contains(s));
    share.ok_or_else(|| "expected a number between 0 and 1".into())
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0);
    number.ok_or_else(|| "expected a number above 0".into())
}

/// `1.04G`, `100M`, `2Mi`: powers of 1000, with `i` of 1024.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => 1.0,
        "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err("expected a number with K, M, G, Ki, Mi, Gi or nothing".into()),
    };
    let number: f64 = digits.parse().ok().filter(|n| *n >= 0.0).ok_or("expected a number")?;
    Ok((number * factor).round() as u64)
}
