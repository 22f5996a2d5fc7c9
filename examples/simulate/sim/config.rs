//! What is simulated.

use super::time::Zone;

/// An access service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Service {
    Imap,
    Pop,
    Http,
}

impl Service {
    /// The service's word, which is also the name of its log file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Service::Imap => "imap",
            Service::Pop => "pop",
            Service::Http => "http",
        }
    }
}

/// The log level of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Refused logins and closed sessions, no logins.
    Notice,
    /// Successful logins and the message trace as well.
    Information,
}

impl Level {
    /// The level's word in a line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Level::Notice => "Notice",
            Level::Information => "Information",
        }
    }
}

/// Everything that decides a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    pub(crate) seed: u64,
    pub(crate) span: Span,
    pub(crate) site: Site,
    pub(crate) traffic: Traffic,
    pub(crate) trouble: Trouble,
    pub(crate) files: Files,
}

/// When the archive begins and ends. With both `bytes` and `seconds`, what comes first ends it; with
/// neither, the archive is empty.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// The archive's first second, unix time.
    pub(crate) start: i64,
    pub(crate) seconds: Option<u64>,
    /// Bytes of log, uncompressed, "Log created" lines not counted.
    pub(crate) bytes: Option<u64>,
    /// Seconds simulated before `start`, of which nothing is logged: sessions are open when the
    /// archive begins.
    pub(crate) warm: u64,
}

/// The stores.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// `store1` to `storeN`.
    pub(crate) stores: usize,
    pub(crate) services: Vec<Service>,
    /// Processes a service.
    pub(crate) pids: usize,
    pub(crate) level: Level,
    /// Levels of single stores.
    pub(crate) levels: Vec<(String, Level)>,
    pub(crate) zone: Zone,
    /// Zones of single stores.
    pub(crate) zones: Vec<(String, Zone)>,
    /// The HTTP service's processes are called `mshttpd`, not `httpd`.
    pub(crate) mshttpd: bool,
}

/// What the users do. Shares are between 0 and 1.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    pub(crate) users: usize,
    /// Sessions an hour and store, over all its services.
    pub(crate) rate: f64,
    /// Sessions open at one time in a store, on average; with `rate` this decides how long they last.
    pub(crate) open: f64,
    /// Share of connections that begin with a refused login.
    pub(crate) refused: f64,
    /// Share of connections that are closed without a login having been tried.
    pub(crate) unauthenticated: f64,
    /// Lines that are neither login nor close, as a share of all lines, about.
    pub(crate) noise: f64,
    /// Share of users who come from an IPv6 address.
    pub(crate) ipv6: f64,
    /// Share of users in hosted domains, `uid@domain`.
    pub(crate) hosted: f64,
    /// Share of sessions whose user was typed (and logged) in mixed case; the truth has lower case.
    pub(crate) mixed_case: f64,
    /// Whether peers are written with their port.
    pub(crate) ports: bool,
    /// Clients use so many ports, again and again; 0: all.
    pub(crate) few_ports: u16,
}

/// What goes wrong; by default, nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble {
    /// Restarts a store over the run: half of all services at once, half of a single one.
    pub(crate) restarts: usize,
    /// Crashes of a single process a store over the run.
    pub(crate) crashes: usize,
    /// Processes log `… starting up` and, if stopped in order, `… shutting down`.
    pub(crate) marks: bool,
    /// A restarted process gets its old pid again.
    pub(crate) reuse_pids: bool,
    /// The operating system has so many pids only, and gives them out again and again; 0: it has them all. There must
    /// be more than processes.
    pub(crate) few_pids: u32,
}

/// How lines become files.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// The largest file in bytes; 0: one file a service.
    pub(crate) rotate_bytes: u64,
    /// No folder for each store; for one store only.
    pub(crate) flat: bool,
    /// The level of the "Log created" line; none: it is never written. A store at Notice does not
    /// write it at Information.
    pub(crate) created: Option<Level>,
}

impl Default for Span {
    fn default() -> Span {
        // 2019-05-29T00:00:00Z
        Span { start: 1_559_088_000, seconds: Some(86_400), bytes: None, warm: 0 }
    }
}

impl Default for Site {
    fn default() -> Site {
        Site {
            stores: 1,
            services: vec![Service::Imap, Service::Pop, Service::Http],
            pids: 2,
            level: Level::Information,
            levels: Vec::new(),
            zone: Zone::Berlin,
            zones: Vec::new(),
            mshttpd: false,
        }
    }
}

impl Default for Traffic {
    fn default() -> Traffic {
        Traffic {
            users: 100,
            rate: 200.0,
            open: 60.0,
            refused: 0.02,
            unauthenticated: 0.01,
            noise: 0.02,
            ipv6: 0.0,
            hosted: 0.2,
            mixed_case: 0.0,
            ports: true,
            few_ports: 0,
        }
    }
}

impl Default for Files {
    fn default() -> Files {
        Files { rotate_bytes: 0, flat: false, created: Some(Level::Information) }
    }
}

impl Site {
    /// The name of store `n`, counted from 0.
    pub(crate) fn store_name(n: usize) -> String {
        format!("store{}", n + 1)
    }

    pub(crate) fn level_of(&self, store: &str) -> Level {
        self.levels.iter().rev().find(|(name, _)| name == store).map_or(self.level, |l| l.1)
    }

    pub(crate) fn zone_of(&self, store: &str) -> Zone {
        self.zones.iter().rev().find(|(name, _)| name == store).map_or(self.zone, |z| z.1)
    }

    /// All streams, in the order of their numbers: store by store, and in each its services.
    pub(crate) fn streams(&self) -> Vec<(String, Service)> {
        (0..self.stores).flat_map(|n| self.services.iter().map(move |s| (Site::store_name(n), *s))).collect()
    }
}

impl Config {
    /// A small archive with some of everything that makes answers hard: two stores in two zones, restarts and crashes, rotated files.
    pub(crate) fn troubled(seed: u64) -> Config {
        let mut config = Config { seed, ..Config::default() };
        config.site.stores = 2;
        config.site.zones.push(("store2".into(), Zone::Fixed(-7 * 3600)));
        config.traffic.rate = 40.0;
        config.traffic.open = 30.0;
        config.traffic.users = 80;
        config.traffic.mixed_case = 0.2;
        config.traffic.ipv6 = 0.2;
        config.trouble.restarts = 2;
        config.trouble.crashes = 2;
        config.files.rotate_bytes = 20_000;
        config
    }
}
