use super::super::{Day, Prefix, envelope, message, syslog};
use super::*;

/// What the templates say of a whole line. That a message is ordinary must not change it.
fn read<'a>(grammars: &Grammars, line: &'a str) -> Option<(Meaning, Fields<'a>)> {
    let (process, message) = match syslog(line.as_bytes()) {
        Ok((_, Prefix::Bare(_, origin, body))) => (origin.process, message(body).unwrap().0),
        Ok((_, Prefix::Native(native))) => {
            let (_, e) = envelope(native).unwrap();
            (e.origin.process, e.message)
        }
        Err(_) => {
            let (_, e) = envelope(line.as_bytes()).unwrap();
            (e.origin.process, e.message)
        }
    };
    let process = grammars.process(process);
    let read = grammars.read(process, message);
    for end in [&b"\n"[..], b"\r\n"] {
        let padded = [message, end, &[b' '; 200]].concat();
        let usual = grammars.usual(process, &padded);
        let ordinary = usual.and_then(|(meaning, usual)| {
            let mut day = Day::default();
            let is_close = usual.is_close();
            let read =
                if is_close { usual.read::<true>(&padded, &mut day) } else { usual.read::<false>(&padded, &mut day) };
            Some((meaning, read?))
        });
        if let Some((meaning, ordinary)) = ordinary {
            assert_eq!(Some((meaning, ordinary.fields())), read, "{line}");
            assert_eq!((ordinary.message, ordinary.bytes), (message, message.len() + end.len()), "{line}");
        }
    }
    read
}

fn site(text: &str) -> Result<Grammars, String> {
    Grammars::new(&[("site.toml".into(), format!("dialect = \"x\"\n{text}"))]).map_err(|e| e.to_string())
}

/// A template with one sample, whose message is given.
fn one(kind: &str, text: &str, message: &str, expect: &str) -> String {
    let line = format!("[29/May/2019:10:00:00 +0200] store1 imapd[7]: Account Notice: {message}");
    format!(
        "[[template]]\nkind = '{kind}'\ntext = '{text}'\nbasis = 'observed'\n\
         [[template.sample]]\nline = '{line}'\nexpect = {{ {expect} }}\n"
    )
}

#[test]
fn built_in_templates_read_their_own_samples_and_find_every_field() {
    let grammars = Grammars::new(&[]).unwrap();
    for template in grammars.templates() {
        for Sample { line, expect, .. } in &template.samples {
            let (meaning, fields) = read(&grammars, line).unwrap_or_else(|| panic!("nothing reads {line}"));
            assert_eq!(meaning, template.meaning, "{line}");
            let (holes, default) = (template.holes().collect::<Vec<_>>(), Fields::default());
            for hole in Hole::all() {
                let got = fields.text(hole);
                let untouched = || default.text(hole);
                let expected = expect.get(hole.name()).cloned().unwrap_or_else(untouched);
                assert_eq!(got, expected, "{}: {line}", hole.name());
                let said = expect.contains_key(hole.name()) || hole == Hole::More;
                assert!(said || !holes.contains(&hole), "{} is not expected: {line}", hole.name());
            }
            assert!(expect.keys().all(|name| Hole::named(name).is_some()), "{expect:?}");
        }
    }
}

#[test]
fn a_template_that_does_not_fit_leaves_nothing_behind() {
    let grammars = Grammars::new(&[]).unwrap();
    let begin = "[05/Jul/2019:16:20:44 +0200] s httpd[1]: Account Notice: ";
    let short = format!("{begin}logout [192.0.2.7:1] ed 2019/7/5 16:14:09 0:06:35 12 13");
    let (_, fields) = read(&grammars, &short).unwrap();
    assert_eq!((fields.bytes_in, fields.bytes_out, fields.more), (None, None, &b" 12 13"[..]));
    for message in ["login [192.0.2.7:40718] ed", ""] {
        assert!(grammars.read(grammars.process(b"imapd"), message.as_bytes()).is_none());
    }
}

#[test]
fn the_process_decides_which_template_reads() {
    let grammars = Grammars::new(&[]).unwrap();
    for (process, basis) in
        [("imapd", Basis::Observed), ("popd", Basis::Observed), ("httpd", Basis::Inferred), ("x", Basis::Inferred)]
    {
        let line = format!("[05/Jul/2019:16:20:44 +0200] s {process}[1]: A N: login [192.0.2.7:1] ed plaintext");
        assert_eq!(read(&grammars, &line).unwrap().0.basis, basis, "{process}");
    }
}

#[test]
fn fields_that_a_kind_needs() {
    let close = "c [192.0.2.7] ed 2019/5/29 8:39:42 0:06:35";
    for (kind, text, message, said) in [
        ("login", "c [{peer}]{_:rest}", close, "a login needs {peer}, {user}; {user} is missing"),
        ("login", "c {_} {user}{more}", close, "{peer} is missing"),
        ("close", "c [{peer}] {user} {start}{more}", close, "{duration} is missing"),
        ("close", "c [{peer}] {user} {_:start} {duration}", close, "{start} is missing"),
        ("refused", "c [{peer}] {user}{more}", close, "a refused needs {peer}, {user}, {reason}; {reason} is missing"),
        ("known", "c {_:rest}", close, ""),
        ("close", "c [{peer}] {user} {start} {duration}", close, ""),
    ] {
        let got = site(&one(kind, text, message, "")).err().unwrap_or_default();
        assert!(got.contains(said) && got.is_empty() == said.is_empty(), "{kind} {text}: {got}");
    }
}

#[test]
fn samples_that_their_template_does_not_read() {
    let text = "auth [{peer}] {user}{more}";
    let sample = "\n[[template.sample]]\nline = ";
    let good = one("login", text, "auth [192.0.2.7] ed", "user = 'ed', peer = '192.0.2.7', more = ''");
    let stamp = "29/May/2019:10:00:00 +0200";
    for (file, said) in [
        (good.clone(), ""),
        (
            one("login", text, "auth [192.0.2.7] ed", "user = 'bob'"),
            "template 1: sample 1: field 'user': expected \"bob\", got \"ed\"",
        ),
        (one("login", text, "auth [192.0.2.7] ed", "in = '7'"), "no field 'in'"),
        (one("login", text, "auth [192.0.2.7] ed", "usr = 'ed'"), "no field 'usr'"),
        (one("login", text, "auth [192.0.2.256] ed", ""), "sample 1: the template does not fit its line"),
        (format!("{good}{sample}'auth [192.0.2.7] ed'"), "template 1: sample 2: its line has no envelope"),
        (format!("{good}{sample}\"[{stamp}] s imapd[7]: A N: auth [192.0.2.7] ed\\n\""), "no envelope"),
        (format!("{good}{sample}'[{stamp}] s imapd: A N: auth [192.0.2.7] ed'"), "no envelope"),
        (format!("{good}{sample}'May 29 10:00:00 s imapd[7]: A N: auth [192.0.2.7] ed'"), ""),
        (format!("{good}{sample}'May 29 10:00:00 s imta: [{stamp}] s imapd[7]: A N: auth [192.0.2.7] ed'"), ""),
        (good.clone() + &one("known", "auth {_:rest}", "auth x", ""), ""),
        (
            one("known", "auth {_:rest}", "auth x", "") + &good,
            "template 2: sample 1: the template \"auth {_:rest}\" stands before",
        ),
        (format!("reasons = ['']\n{good}"), "an empty text in 'reasons'"),
        (format!("must_fit = ['']\n{good}"), "an empty text in 'must_fit'"),
        (good.split("[[template.sample]]").next().unwrap().to_owned(), "at least one sample line"),
    ] {
        let got = site(&file).err().unwrap_or_default();
        assert!(got.contains(said) && got.is_empty() == said.is_empty(), "{file}\n{got}");
    }
}

#[test]
fn a_site_overrides_another_file_for_the_lines_that_it_fits() {
    let file = |text| format!("dialect = 'x'\n{text}");
    let wide = file(one("known", "auth {_:rest}", "auth x", ""));
    let narrow = file(one("login", "auth [{peer}] {user}{more}", "auth [192.0.2.7] ed", "user = 'ed'"));
    let grammars = Grammars::new(&[("a".into(), wide), ("b".into(), narrow)]).unwrap();
    let line = "[29/May/2019:10:00:00 +0200] s imapd[7]: A N: auth [192.0.2.7] ed";
    assert_eq!(read(&grammars, line).unwrap().0.kind, Kind::Known);
}

#[test]
fn reasons_of_a_site_are_reasons_of_every_template() {
    let badlogin =
        |rest: &str| format!("[29/May/2019:10:00:00 +0200] s imapd[7]: A N: badlogin: [192.0.2.7] plaintext {rest}");
    let grammars = site("reasons = ['account', 'account disabled (hold) by admin', 'Wrong Weather']").unwrap();
    for (rest, user, reason) in [
        ("ed wrong weather", "ed", "wrong weather"),
        ("ed account disabled (hold) by admin", "ed", "account disabled (hold) by admin"),
        ("ed account disabled (hold) by nobody", "ed", "account disabled (hold)"),
        ("ed account x", "ed", "account"),
    ] {
        let line = badlogin(rest);
        let (_, fields) = read(&grammars, &line).unwrap();
        assert_eq!((fields.user, fields.reason), (user.as_bytes(), reason.as_bytes()), "{rest}");
    }
    assert!(read(&Grammars::new(&[]).unwrap(), &badlogin("ed wrong weather")).is_none());
}

const XML: &str = include_str!("../../../grammars/examples/transactlog.toml");

#[test]
fn what_is_built_in() {
    let names: Vec<_> = built_in().map(|(name, _)| name).collect();
    assert_eq!(names, ["account.toml", "http.toml", "general.toml"]);
    assert!(built_in().all(|(name, text)| GrammarError::in_file(name, text).is_ok()));
    let grammars = Grammars::new(&[]).unwrap();
    assert!(grammars.dialects().iter().map(|dialect| dialect.path.as_str()).eq(names));
    assert!(grammars.dialects().iter().all(|dialect| dialect.built_in));
    assert_eq!((grammars.knows_xml(), grammars.xml().count(), grammars.guesses()), (false, 0, false));
}

#[test]
fn a_sites_dialects_come_first() {
    let grammars = Grammars::new(&[("x.toml".into(), XML.into())]).unwrap();
    let ours: Vec<_> = grammars.dialects().iter().map(|dialect| (dialect.path.as_str(), dialect.built_in)).collect();
    assert_eq!(ours.first(), Some(&("x.toml", false)));
    assert_eq!(ours.len(), 4);
    assert_eq!((grammars.knows_xml(), grammars.xml().count()), (true, 1));
}

/// Guesses are told of where they are a site's, be it in a template or in an element.
#[test]
fn guesses_of_a_site() {
    let template = one("login", "auth [{peer}] {user}{more}", "auth [192.0.2.7] ed", "user = 'ed'");
    let inferred = |text: &str| text.replace("observed", "inferred");
    let file = |text: &str| ("x.toml".into(), format!("dialect = 'x'\n{text}"));
    let observed_xml = XML.replace("\"inferred\"", "\"observed\"");
    for (files, guesses) in [
        (vec![file(&template)], false),
        (vec![file(&inferred(&template))], true),
        (vec![file(&template), file(&inferred(&template))], true),
        (vec![("x.toml".into(), XML.to_owned())], true),
        (vec![("x.toml".into(), observed_xml)], false),
    ] {
        assert_eq!(Grammars::new(&files).unwrap().guesses(), guesses, "{files:?}");
    }
}

#[test]
fn a_refused_file_shows_its_first_mistake() {
    let shown = |text: &str| GrammarError::in_file("x.toml", text).map_err(|error| error.to_string()).unwrap_err();
    let (one, two) = ("dialect = 'x'\nreasons = ['']\n", "dialect = 'x'\nreasons = ['']\nmust_fit = ['']\n");
    assert!(shown(one).starts_with("x.toml:2:") && !shown(one).contains("more"), "{}", shown(one));
    assert!(shown(two).starts_with("x.toml:2:") && shown(two).contains("(and 1 more: "), "{}", shown(two));
    let none = GrammarError { path: "x.toml".into(), text: String::new(), mistakes: Vec::new() };
    assert_eq!(none.to_string(), "x.toml");
}

#[test]
fn reasons_are_known_longest_first() {
    let grammars = site("reasons = ['no', 'No']").unwrap();
    let reasons = grammars.reasons();
    assert!(reasons.windows(2).all(|two| two[0].len() >= two[1].len()) && reasons.len() > 2);
    for (text, ends) in [
        ("no", true),
        ("NO", true),
        ("ed no", true),
        ("ed Account Disabled (HOLD)", true),
        // A reason is whole words.
        ("edno", false),
        ("ed_no", false),
        ("ed no ", false),
        ("ed do", false),
        ("o", false),
        ("", false),
    ] {
        assert_eq!(grammars.ends_in_reason(text.as_bytes()), ends, "{text}");
    }
}

/// R1: a refused login whose reason is on another line.
#[test]
fn r1_what_breaks_off_and_what_must_fit() {
    let grammars = Grammars::new(&[]).unwrap();
    let imapd = grammars.process(b"imapd");
    for (message, breaks_off, must_fit) in [
        ("badlogin: [192.0.2.7:40720] plaintext ed", true, true),
        ("badlogin: [192.0.2.7:40720] plaintext ", true, true),
        ("badlogin: [192.0.2.7", false, true),
        ("login [192.0.2.7:40720] ed", false, true),
        ("close [192.0.2.7:40720]", false, true),
        ("logins", false, false),
        ("", false, false),
    ] {
        let got = (grammars.breaks_off(imapd, message.as_bytes()), grammars.must_fit(message.as_bytes()));
        assert_eq!(got, (breaks_off, must_fit), "{message}");
    }
    assert!(!Grammars::default().breaks_off(imapd, b"badlogin: [192.0.2.7:40720] plaintext ed"));
}
