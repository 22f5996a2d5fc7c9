//! What a report says of itself: the program, and a command that makes it, whatever way it was given.

use std::path::Path;

use crate::answer::report::About;
use crate::app::ask::Ask;
use crate::cli::{Cli, Common, ReportArgs};
use crate::model::Service;
use crate::text::visible;
use crate::times::Zone;

/// So many users are named; of more, only their number.
const NAMED: usize = 20;

/// What a report says of itself.
pub(super) fn about(cli: &Cli, args: &ReportArgs, ask: &Ask) -> About {
    About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: env!("SOURCE_COMMIT").to_owned(),
        command: command(cli, args, ask),
        limits: limits(cli, ask),
        pseudonymized: ask.pseudonyms.is_some(),
    }
}

/// The users that were asked for, as far as they are named.
fn named(ask: &Ask) -> Option<Vec<String>> {
    let users = &ask.needs.users;
    (users.len() <= NAMED).then(|| users.iter().map(|user| visible(user).into_owned()).collect())
}

/// The networks that were asked for, unless they have no pseudonyms.
fn networks(cli: &Cli, ask: &Ask) -> Vec<String> {
    match &ask.pseudonyms {
        Some(_) if !cli.networks().is_empty() => vec!["NETWORK".to_owned()],
        _ => {
            let mut networks = cli.networks().to_vec();
            networks.sort();
            networks.dedup();
            networks.iter().map(ToString::to_string).collect()
        }
    }
}

/// A command that makes the report: options in one order, paths sorted, nothing that makes no difference.
fn command(cli: &Cli, args: &ReportArgs, ask: &Ask) -> Vec<String> {
    let Common { service, since, until, tz, year, all, store_alias, default_domain, .. } = &cli.common;
    let masks = ask.pseudonyms.as_ref();
    let shown = |path: &Path| {
        let name = path.to_string_lossy();
        masks.map_or_else(|| visible(name.as_bytes()).into_owned(), |masks| masks.path(&name))
    };
    let hidden = |text: String, name: &str| if masks.is_some() { name.to_owned() } else { text };
    let mut words: Vec<String> = ["imstrail", "report", "-o", "report.html"].map(str::to_owned).to_vec();
    let mut option = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
    if let Some(service) = *service {
        option("-s", Service::from(service).as_str().to_owned());
    }
    match named(ask) {
        Some(users) => users.into_iter().for_each(|user| option("-u", user)),
        None => option("-f", "USERS".to_owned()),
    }
    networks(cli, ask).into_iter().for_each(|network| option("--from", network));
    since.iter().for_each(|time| option("--since", time.text()));
    until.iter().for_each(|time| option("--until", time.text()));
    match tz {
        Zone::Log => {}
        Zone::Utc => option("--tz", "utc".to_owned()),
        Zone::Local => option("--tz", "local".to_owned()),
        Zone::Named(zone) => option("--tz", zone.name().to_owned()),
    }
    year.iter().for_each(|year| option("--year", year.to_string()));
    option("--top", args.top.to_string());
    option("--last-access", args.last_access.to_string());
    cli.common.grammar.iter().for_each(|file| option("--grammar", shown(file)));
    for (old, new) in store_alias {
        option("--store-alias", format!("{}={}", visible(old.as_bytes()), visible(new.as_bytes())));
    }
    default_domain.iter().for_each(|domain| option("--default-domain", hidden(domain.clone(), "DOMAIN")));
    if masks.is_some() {
        option("--pseudonymize", "KEYFILE".to_owned());
    }
    words.extend(all.then(|| "--all".to_owned()));
    let mut paths: Vec<String> = ask.paths.iter().map(|path| shown(path)).collect();
    paths.sort();
    words.extend(paths);
    words
}

/// What the report is limited to, in words.
fn limits(cli: &Cli, ask: &Ask) -> Vec<String> {
    let mut limits = Vec::new();
    if let Some(service) = cli.common.service {
        limits.push(format!("Only {}; last access is over all services.", Service::from(service).as_str()));
    }
    let users = named(ask).map_or_else(|| format!("{} users", ask.needs.users.len()), |users| users.join(", "));
    if !users.is_empty() {
        limits.push(format!("Only of {users}."));
    }
    let networks = networks(cli, ask);
    if !networks.is_empty() {
        let from =
            if ask.pseudonyms.is_some() { "networks that are not named".to_owned() } else { networks.join(", ") };
        limits.push(format!("Only sessions and refused logins from {from}; last access is from anywhere."));
    }
    let bounds = [("at or after", cli.common.since), ("before", cli.common.until)];
    let bounds: Vec<String> =
        bounds.iter().filter_map(|(word, time)| Some(format!("{word} {}", time.as_ref()?.text()))).collect();
    if !bounds.is_empty() {
        let when = bounds.join(" and ");
        limits.push(format!("Only what lies {when}: refused logins, last accesses, and sessions that touch it."));
    }
    limits
}
