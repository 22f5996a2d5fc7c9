//! The stores, their streams and processes: what the engine moves through time.

use super::config::{Config, Level, Service, Traffic};
use super::rng::Rng;
use super::time::{Zone, push_stamp};

pub(crate) struct Store {
    pub(crate) name: String,
    pub(crate) level: Level,
    pub(crate) zone: Zone,
    stamped: Option<i64>,
    stamp: Vec<u8>,
    last_pid: u32,
    few_pids: u32,
}

pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) alive: bool,
    /// Unix time; None: it ran before the simulation began.
    pub(crate) start: Option<i64>,
    /// ` store1 imapd[17849]: `
    pub(crate) prefix: Vec<u8>,
}

/// One service of one store.
pub(crate) struct Stream {
    pub(crate) store: usize,
    pub(crate) service: Service,
    pub(crate) program: &'static str,
    pub(crate) processes: Vec<Process>,
    pub(crate) lengths: Lengths,
    /// Mean milliseconds between two connections.
    pub(crate) connect_every: f64,
    /// Mean milliseconds between two lines of noise; None: there is no noise.
    pub(crate) noise_every: Option<f64>,
}

/// How long sessions last: a mixture of two exponential distributions, means in milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct Lengths {
    short: f64,
    long: f64,
    short_share: f64,
}

impl Lengths {
    const SHORT_MS: f64 = 20_000.0;
    const SHORT_SHARE: f64 = 0.6;

    /// Short and long sessions with this mean; only one kind if the mean itself is short.
    fn with_mean(mean: f64) -> Lengths {
        if mean < 3.0 * Lengths::SHORT_MS {
            return Lengths { short: mean, long: mean, short_share: 1.0 };
        }
        let share = Lengths::SHORT_SHARE;
        Lengths {
            short: Lengths::SHORT_MS,
            long: (mean - share * Lengths::SHORT_MS) / (1.0 - share),
            short_share: share,
        }
    }

    pub(crate) fn draw(self, rng: &mut Rng) -> u64 {
        let mean = if rng.chance(self.short_share) { self.short } else { self.long };
        rng.exponential(mean) as u64
    }
}

/// A service's share of a store's sessions, before normalization.
fn weight(service: Service) -> f64 {
    match service {
        Service::Imap => 0.5,
        Service::Pop => 0.35,
        Service::Http => 0.15,
    }
}

/// Mean milliseconds of a service's sessions: POP at most 5 s, HTTP twice as long as IMAP, and over
/// all services `open / rate`.
fn mean_length(service: Service, services: &[Service], traffic: &Traffic) -> f64 {
    let overall = traffic.open / traffic.rate * 3_600_000.0;
    let relative = |s: Service| if s == Service::Http { 2.0 } else { 1.0 };
    let pop = overall.min(5000.0);
    let total: f64 = services.iter().map(|s| weight(*s)).sum();
    let pop_part: f64 = services.iter().filter(|s| **s == Service::Pop).map(|s| weight(*s) * pop).sum();
    let rest: f64 = services.iter().filter(|s| **s != Service::Pop).map(|s| weight(*s) * relative(*s)).sum();
    match service {
        Service::Pop if rest > 0.0 => pop,
        Service::Pop => overall,
        _ => (overall * total - pop_part) / rest * relative(service),
    }
}

impl Stream {
    pub(crate) fn new(config: &Config, store: usize, service: Service) -> Stream {
        let (traffic, services) = (&config.traffic, &config.site.services);
        let total: f64 = services.iter().map(|s| weight(*s)).sum();
        let sessions_an_hour = traffic.rate * weight(service) / total;
        // Three quarters of the refused never get in, see `Engine::connect`.
        let successful = 1.0 - traffic.unauthenticated - 0.75 * traffic.refused;
        let connect_every = 3_600_000.0 * successful.max(0.01) / sessions_an_hour;
        let noise = (traffic.noise / (1.0 - traffic.noise).max(0.01)) * 2.0 * sessions_an_hour;
        Stream {
            store,
            service,
            program: match service {
                Service::Imap => "imapd",
                Service::Pop => "popd",
                Service::Http if config.site.mshttpd => "mshttpd",
                Service::Http => "httpd",
            },
            processes: Vec::new(),
            lengths: Lengths::with_mean(mean_length(service, services, traffic)),
            connect_every,
            noise_every: (noise > 0.0).then(|| 3_600_000.0 / noise),
        }
    }

    /// A process that is alive, each equally likely.
    pub(crate) fn any_process(&self, rng: &mut Rng) -> Option<usize> {
        let alive = self.processes.iter().filter(|p| p.alive).count();
        let chosen = rng.below(alive as u64) as usize;
        self.processes.iter().enumerate().filter(|(_, p)| p.alive).nth(chosen).map(|(n, _)| n)
    }
}

impl Process {
    pub(crate) fn new(store: &str, program: &str, pid: u32, start: Option<i64>) -> Process {
        Process { pid, alive: true, start, prefix: prefix(store, program, pid) }
    }
}

/// What stands between stamp and category.
pub(crate) fn prefix(store: &str, program: &str, pid: u32) -> Vec<u8> {
    format!(" {store} {program}[{pid}]: ").into_bytes()
}

impl Store {
    pub(crate) fn new(config: &Config, n: usize, rng: &mut Rng) -> Store {
        let name = super::config::Site::store_name(n);
        Store {
            level: config.site.level_of(&name),
            zone: config.site.zone_of(&name),
            name,
            stamped: None,
            stamp: Vec::new(),
            last_pid: rng.range(2000, 28_000) as u32,
            few_pids: config.trouble.few_pids,
        }
    }

    /// The stamp of an instant, without brackets. Kept until the second changes.
    pub(crate) fn stamp(&mut self, unix: i64) -> &[u8] {
        if self.stamped != Some(unix) {
            self.stamped = Some(unix);
            self.stamp.clear();
            push_stamp(&mut self.stamp, unix, self.zone);
        }
        &self.stamp
    }

    /// The next pid that the operating system gives: they rise, and start again after 32767.
    pub(crate) fn next_pid(&mut self, rng: &mut Rng, taken: impl Fn(u32) -> bool) -> u32 {
        if self.few_pids > 0 {
            let free = (0..10_000).map(|_| 300 + rng.below(u64::from(self.few_pids)) as u32).find(|pid| !taken(*pid));
            return free.expect("more pids than processes");
        }
        loop {
            self.last_pid += rng.range(1, 40) as u32;
            if self.last_pid > 32_767 {
                self.last_pid = rng.range(300, 400) as u32;
            }
            if !taken(self.last_pid) {
                return self.last_pid;
            }
        }
    }
}
