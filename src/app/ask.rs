//! What is asked: the command line turned into what the stages need.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde_json::{Value, json};

use super::again::{CLOCKS, shows_clocks};
use super::{Stop, manifest, mask, settings, twice};
use crate::answer::{At, AtError, By, ClientsQuery, ConnectedQuery, FailuresQuery, Filter, SessionsQuery, TracesQuery};
use crate::cli::{Cli, Format};
use crate::fold::{Moment, Needs, Refusal, Window};
use crate::grammar::Grammars;
use crate::manifest::Aside;
use crate::model::{DAY, Service, Stamp};
use crate::note::{Note, NoteKind, cause};
use crate::open::WalkOptions;
use crate::pair::Behind;
use crate::parse::Names;
use crate::plan::PlanOptions;
use crate::proxies::Proxies;
use crate::pseudonym::Pseudonyms;
use crate::read::Sieve;
use crate::resolve::Resolved;
use crate::text::{exact, visible};
use crate::times::{Time, rfc3339_of};

/// How far a stream's clock may differ from a line's at first, in minutes, where digits are asked for.
const DRIFT: i64 = 120;

/// Everything that the stages need to know of the question.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) paths: Vec<PathBuf>,
    pub(super) needs: Needs,
    pub(super) connected: Option<ConnectedQuery>,
    /// The sessions that `sessions` lists, or lines of `messages` may fit.
    pub(super) sessions: Option<SessionsQuery>,
    pub(super) failures: Option<FailuresQuery>,
    /// The message trace: what `messages` lists, or `sessions` counts.
    pub(super) traces: Option<TracesQuery>,
    /// Which addresses are those of proxies.
    pub(super) proxies: Proxies,
    /// The clients behind proxies, where rows have addresses.
    pub(super) clients: Option<ClientsQuery>,
    pub(super) grammars: Grammars,
    pub(super) names: Names,
    pub(super) walk: WalkOptions,
    /// Files read beside the logs, for a manifest.
    pub(super) aside: Vec<Aside>,
    /// What stands in the place of users, addresses and files.
    pub(super) pseudonyms: Option<Pseudonyms>,
    /// What is to be said of the key of the pseudonyms.
    key: Option<Note>,
    /// What is to be said of settings.
    pub(super) settings: Vec<Note>,
    /// The users that are asked for, as lines name them.
    named: BTreeSet<Vec<u8>>,
    times: Vec<(&'static str, Time)>,
}

impl Ask {
    /// Reads what the command line names, logs apart.
    ///
    /// # Errors
    /// A flag does not make sense, or a file of users or templates cannot be read.
    pub(super) fn new(cli: &Cli) -> Result<Ask, Stop> {
        cli.check().map_err(Stop::Usage)?;
        let names = names(cli);
        let mut aside = Vec::new();
        let (pseudonyms, key) = match &cli.common.pseudonymize {
            Some(file) => mask::read_key(file).map(|(pseudonyms, note)| (Some(pseudonyms), note))?,
            None => (None, None),
        };
        let pseudonyms =
            pseudonyms.map(|pseudonyms| pseudonyms.within(cli.networks().to_vec()).proxies(cli.common.proxy.clone()));
        let proxies = match &pseudonyms {
            Some(_) if !cli.common.proxy.is_empty() => Proxies::of_pseudonyms(),
            _ => Proxies::new(cli.common.proxy.clone()),
        };
        let named = users(cli, &names, &mut aside)?;
        let users: BTreeSet<Vec<u8>> = match &pseudonyms {
            Some(pseudonyms) => named.iter().map(|user| pseudonyms.user(user).to_vec()).collect(),
            None => named.clone(),
        };
        let networks = match &pseudonyms {
            Some(_) if !cli.networks().is_empty() && proxies.are_none() => vec![Pseudonyms::ASKED],
            Some(_) if !cli.networks().is_empty() => vec![Pseudonyms::ASKED_WITH_PROXIES],
            _ => cli.networks().to_vec(),
        };
        let window = Window { since: cli.common.since.map(bound), until: cli.common.until.map(bound) };
        let filter = |from: &[IpNet]| Filter {
            services: cli.common.service.map(Service::from).into_iter().collect(),
            users: users.clone(),
            window,
            from: from.to_vec(),
            proxies: proxies.clone(),
        };
        let failures = cli.failures().map(|asked| FailuresQuery {
            filter: filter(&networks),
            thresholds: asked.thresholds(),
            evidence: cli.common.evidence,
            kinds: asked.kinds(),
        });
        let failures = failures.or_else(|| {
            let kinds = vec![Refusal::Login, Refusal::Proxy];
            cli.report().map(|_| FailuresQuery { filter: filter(&networks), kinds, ..FailuresQuery::default() })
        });
        let of_report = cli.report().map(|_| SessionsQuery { filter: filter(&networks), ..SessionsQuery::default() });
        let sessions = cli.sessions().map(|asked| SessionsQuery {
            filter: filter(&networks),
            statuses: asked.status.iter().map(|status| (*status).into()).collect(),
            only_traced: false,
        });
        let traces = traces(cli, &users, window);
        // A story is of all sessions, unless it is of a moment.
        let story = cli.explain().filter(|explain| explain.at.is_none());
        // A line within the window lies in a session that touches it, whatever the clock showed meanwhile.
        let collected = match (story, cli.messages()) {
            (Some(_), _) => Some(Window::default()),
            (None, Some(_)) => Some(window.widened(DAY)),
            (None, None) => None,
        };
        let collected = collected.map(|window| SessionsQuery {
            filter: Filter { window, ..filter(&[]) },
            only_traced: cli.messages().is_some(),
            ..SessionsQuery::default()
        });
        let sessions = sessions.or(of_report).or(collected);
        let amounts = sessions.is_some() && cli.messages().is_none();
        let has_addresses = cli.connected || sessions.is_some() || failures.is_some();
        // A finding may be about logins of other users and services than those of the refusals that are asked for.
        let client = if cli.finds() {
            Filter { from: networks.clone(), proxies: proxies.clone(), ..Filter::default() }
        } else {
            filter(&networks)
        };
        let clients = Some(ClientsQuery { filter: client }).filter(|_| has_addresses && !proxies.are_none());
        let needs = Needs {
            access: cli.access || cli.report().is_some(),
            pairs: cli.connected || sessions.is_some() || cli.coverage(),
            behind: Behind { amounts, evidence: cli.common.evidence },
            window,
            users: users.clone(),
            ..Needs::default()
        };
        let at = match cli.at {
            None => At::EndOfCoverage,
            Some(Time::Instant(stamp)) => At::Instant(stamp),
            Some(Time::Digits(digits, _)) => At::Local(digits),
        };
        let connected = cli.connected.then(|| ConnectedQuery {
            at,
            services: cli.services(),
            users,
            drift: DRIFT,
            proxies: proxies.clone(),
        });
        let times = [("--at", cli.at), ("--since", cli.common.since), ("--until", cli.common.until)];
        let settings = mask::notes(pseudonyms.as_ref(), settings::notes(cli));
        Ok(Ask {
            paths: paths(cli)?,
            needs,
            connected,
            sessions,
            failures,
            traces,
            proxies,
            clients,
            grammars: grammars(cli, &mut aside)?,
            aside,
            names,
            pseudonyms,
            settings,
            key,
            named,
            walk: WalkOptions {
                tmpdir: cli.common.tmpdir.clone().unwrap_or_else(std::env::temp_dir),
                all: cli.common.all,
                ..WalkOptions::default()
            },
            times: times.into_iter().filter_map(|(flag, time)| Some((flag, time?))).collect(),
        })
    }

    /// How to plan, whatever is asked.
    pub(super) fn plan_options(&self, cli: &Cli) -> PlanOptions {
        PlanOptions { walk: self.walk.clone(), year: cli.common.year, ..PlanOptions::default() }
    }

    /// Whether the summaries of trail files say all that is asked: the last access of users at all times, without lines.
    pub(super) fn rests_on_summaries(&self, cli: &Cli) -> bool {
        let Needs { access, pairs, window, .. } = &self.needs;
        let asks_more = self.failures.is_some() || self.sessions.is_some() || self.traces.is_some();
        *access
            && !*pairs
            && *window == Window::default()
            && !asks_more
            && !cli.common.evidence
            && self.pseudonyms.is_none()
            && self.clients.is_none()
    }

    /// The window of a question of `-a` that is not of all users at all times.
    pub(super) fn narrow(&self) -> Option<Window> {
        let Needs { window, users, .. } = &self.needs;
        (!users.is_empty() || *window != Window::default()).then_some(*window)
    }

    /// What holds back lines that cannot bear on the question: where only `-a` is asked. The document tells of all lines, and a site's
    /// templates may tell of users and moments in ways of their own.
    ///
    /// Digits are those of the clocks of all streams, and so are repeated hours in a table: lines that are passed over tell enough of
    /// clocks to know whether all must be read again. A pipe cannot be, so of it those lines are read at once.
    pub(super) fn sieve(&self, cli: &Cli, pipe: bool) -> Option<Sieve> {
        let only_access = self.needs.access && !self.needs.pairs;
        if !only_access
            || cli.common.format == Format::Json
            || !cli.common.grammar.is_empty()
            || (self.has_digits() && pipe)
        {
            return None;
        }
        let (window, users) = (&self.needs.window, &self.named);
        let all = BTreeSet::new();
        if pipe && shows_clocks(cli) {
            Sieve::new(&window.widened(CLOCKS), &all, &self.names)
        } else {
            Sieve::new(window, if self.has_digits() { &all } else { users }, &self.names)
        }
    }

    /// Whether the window has digits without an offset.
    pub(super) fn has_digits(&self) -> bool {
        self.times.iter().any(|(_, time)| matches!(time, Time::Digits(..)))
    }

    /// Digits of `--since` and `--until` must be one instant in each stream.
    ///
    /// # Errors
    /// Both candidates, where the clock showed them twice.
    pub(super) fn check_window(&self, streams: &[Resolved]) -> Result<(), Stop> {
        for (flag, time) in self.times.iter().filter(|(flag, _)| *flag != "--at") {
            let Time::Digits(digits, _) = time else { continue };
            for stream in streams {
                if let Err(clock @ crate::resolve::ClockError::Twice(..)) = stream.clock.instant(*digits) {
                    let error = AtError { store: stream.store.clone(), service: stream.service, clock };
                    return Err(twice(flag, &error));
                }
            }
        }
        Ok(())
    }

    /// Notes that say which instants times without an offset stand for, and what is to be said of a key.
    pub(super) fn echoes(&self, streams: &[Resolved]) -> Vec<Note> {
        let mut notes: Vec<Note> = self.key.iter().chain(&self.settings).cloned().collect();
        for (flag, time) in &self.times {
            let Time::Digits(digits, _) = time else { continue };
            let mut meant: Vec<(Stamp, String)> = Vec::new();
            for stream in streams {
                let Ok(stamp) = stream.clock.instant(*digits) else { continue };
                let name = format!("{} {}", visible(&stream.store), stream.service.as_str());
                match meant.iter_mut().find(|(s, _)| *s == stamp) {
                    Some((_, names)) => *names = format!("{names}, {name}"),
                    None => meant.push((stamp, name)),
                }
            }
            if let [(_, names)] = meant.as_mut_slice()
                && streams.len() > 1
            {
                *names = "every log".to_owned();
            }
            for (stamp, names) in meant {
                notes.push(Note::new(
                    "",
                    NoteKind::Info,
                    format!("{flag} is {} for {names}", rfc3339_of(stamp, crate::times::Zone::Log)),
                ));
            }
        }
        notes
    }

    /// The question, for the JSON document; with what a file or the environment set of it, if they did.
    pub(super) fn as_json(&self, cli: &Cli) -> Value {
        let mut asked = self.question(cli);
        let Some(query) = asked.as_object_mut() else { return asked };
        if !self.proxies.are_none() {
            let shown = |net: &IpNet| self.pseudonyms.as_ref().map_or(*net, |_| Pseudonyms::ASKED).to_string();
            let shown: BTreeSet<String> = cli.common.proxy.iter().map(shown).collect();
            query.insert("proxies".to_owned(), json!(shown));
        }
        let settings = settings::as_json(cli, self.pseudonyms.is_some());
        if !settings.is_empty() {
            query.insert("settings".to_owned(), settings.into());
        }
        asked
    }

    fn question(&self, cli: &Cli) -> Value {
        let time = |time: Option<Time>| json!(time.map(Time::text));
        let users: Vec<_> = self.needs.users.iter().map(|u| exact(u).into_owned()).collect();
        let services: Vec<&str> = self.connected.iter().flat_map(|q| &q.services).map(|s| s.as_str()).collect();
        if cli.coverage() {
            let services: Vec<&str> = cli.common.service.map(|s| Service::from(s).as_str()).into_iter().collect();
            return json!({"coverage": true, "services": services});
        }
        let filtered = |name: &str, filter: &Filter| {
            let services: Vec<&str> = filter.services.iter().map(|s| s.as_str()).collect();
            let from: Vec<String> = filter.from.iter().map(ToString::to_string).collect();
            json!({
                name: true,
                "services": services,
                "users": users,
                "from": from,
                "since": time(cli.common.since),
                "until": time(cli.common.until),
            })
        };
        if let Some(query) = &self.failures {
            let mut asked = filtered("failures", &query.filter);
            if let (Some(asked), Some(by)) = (asked.as_object_mut(), cli.failures().and_then(|asked| asked.by)) {
                asked.insert("by".to_owned(), json!(By::from(by).as_str()));
            }
            return asked;
        }
        if let (Some(_), Some(query)) = (cli.messages(), &self.traces) {
            let services: Vec<&str> = query.services.iter().map(|s| s.as_str()).collect();
            let actions: Vec<&str> = query.actions.iter().map(|action| action.as_str()).collect();
            return json!({
                "messages": true,
                "services": services,
                "users": users,
                "action": actions,
                "since": time(cli.common.since),
                "until": time(cli.common.until),
            });
        }
        if let Some(query) = &self.sessions {
            let statuses: Vec<&str> = query.statuses.iter().map(|s| s.as_str()).collect();
            let mut asked = filtered("sessions", &query.filter);
            if let Value::Object(asked) = &mut asked {
                asked.shift_insert(3, "status".to_owned(), json!(statuses));
            }
            return asked;
        }
        let mut asked = json!({
            "connected": cli.connected,
            "last_access": cli.access,
            "services": services,
            "users": users,
            "at": time(cli.at),
            "since": time(cli.common.since),
            "until": time(cli.common.until),
        });
        if let Some(asked) = asked.as_object_mut().filter(|_| cli.trust_order) {
            asked.insert("trust_order".to_owned(), json!(true));
        }
        asked
    }
}

/// The lines of the message trace that are asked for: those of `messages`, or all of the users and services of `sessions`.
fn traces(cli: &Cli, users: &BTreeSet<Vec<u8>>, window: Window) -> Option<TracesQuery> {
    let services = cli.common.service.map(Service::from).into_iter().collect();
    let evidence = cli.common.evidence && cli.messages().is_some();
    let all = TracesQuery { services, users: users.clone(), evidence, ..TracesQuery::default() };
    match cli.messages() {
        Some(asked) => {
            let actions = asked.action.iter().map(|action| (*action).into()).collect();
            Some(TracesQuery { window, actions, ..all })
        }
        None => cli.sessions().map(|_| all),
    }
}

fn bound(time: Time) -> Moment {
    match time {
        Time::Instant(stamp) => Moment::Instant(stamp.at),
        Time::Digits(digits, _) => Moment::Local(digits),
    }
}

fn names(cli: &Cli) -> Names {
    let bytes = |text: &String| text.clone().into_bytes();
    let domain =
        cli.common.default_domain.as_ref().map(|d| format!("@{}", d.trim_start_matches('@').to_ascii_lowercase()));
    Names {
        store_aliases: cli.common.store_alias.iter().map(|(old, new)| (bytes(old), bytes(new))).collect(),
        default_domain: domain.unwrap_or_default().into_bytes(),
    }
}

/// The users that are asked for, as R2 compares them.
fn users(cli: &Cli, names: &Names, aside: &mut Vec<Aside>) -> Result<BTreeSet<Vec<u8>>, Stop> {
    let mut users = BTreeSet::new();
    let mut scratch = Vec::new();
    let mut add = |uid: &[u8]| {
        let uid = uid.trim_ascii();
        if !uid.is_empty() {
            users.insert(names.user(uid, &mut scratch).to_vec());
        }
    };
    cli.common.users().iter().for_each(|uid| add(uid.as_bytes()));
    if let Some(file) = &cli.common.file {
        let text = read_text(file).map_err(|e| Stop::Usage(format!("-f {}: {e}", file.display())))?;
        text.split(|b| *b == b'\n').for_each(&mut add);
        if cli.common.manifest.is_some() {
            aside.push(manifest::aside("-f", file, &text));
        }
    }
    if users.is_empty() && (cli.common.file.is_some() || !cli.common.user.is_empty()) {
        return Err(Stop::Usage(
            "-u and -f name no user: give at least one uid, or leave them out for all users".to_owned(),
        ));
    }
    Ok(users)
}

fn read_text(file: &Path) -> std::io::Result<Vec<u8>> {
    if file.as_os_str() != "-" {
        return std::fs::read(file);
    }
    let mut text = Vec::new();
    std::io::stdin().lock().read_to_end(&mut text)?;
    Ok(text)
}

fn grammars(cli: &Cli, aside: &mut Vec<Aside>) -> Result<Grammars, Stop> {
    let texts = grammar_texts(&cli.common.grammar)?;
    if cli.common.manifest.is_some() {
        aside.extend(texts.iter().map(|(file, text)| manifest::aside("--grammar", file, text.as_bytes())));
    }
    Grammars::new(&texts).map_err(|e| Stop::Usage(format!("--grammar {e}")))
}

/// Grammar files, with their texts.
///
/// # Errors
/// One cannot be read.
pub(super) fn grammar_texts(files: &[PathBuf]) -> Result<Vec<(PathBuf, String)>, Stop> {
    let read = |file: &PathBuf| match std::fs::read_to_string(file) {
        Ok(text) => Ok((file.clone(), text)),
        Err(e) if e.kind() == std::io::ErrorKind::InvalidData => {
            Err(Stop::Usage(format!("{}: is no text in UTF-8, as a grammar file must be", file.display())))
        }
        Err(e) => Err(Stop::Usage(format!("{}: cannot be read ({})", file.display(), cause(&e)))),
    };
    files.iter().map(read).collect()
}

/// The paths given, or standard input if something is piped into it.
pub(super) fn paths(cli: &Cli) -> Result<Vec<PathBuf>, Stop> {
    if !cli.common.paths.is_empty() {
        return Ok(cli.common.paths.clone());
    }
    let users_from_stdin = cli.common.file.as_ref().is_some_and(|f| f.as_os_str() == "-");
    if users_from_stdin || std::io::stdin().is_terminal() {
        return Err(Stop::Usage("name the logs: files, directories or archives, or - for standard input".to_owned()));
    }
    Ok(vec![PathBuf::from("-")])
}
