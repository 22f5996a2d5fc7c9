use super::*;
use crate::answer::report::example::{NASTY, nothing, report};

fn page(report: &Report) -> String {
    let mut page = Vec::new();
    write(report, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

#[test]
fn the_same_bytes_each_time() {
    assert_eq!(page(&report()), page(&report()));
}

#[test]
fn names_stay_text() {
    let page = page(&report());
    for start in ["<script>alert", "<img", "<b>store2"] {
        assert!(!page.contains(start), "{start}");
    }
    // Escaped in texts and attributes, and once more as JSON.
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains(r"\u003cscript\u003ealert(1)\u003c/script\u003e"));
    // Elements are those of the page alone: two scripts, one of them data, and one style.
    assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (2, 2));
    assert_eq!((page.matches("<style").count(), page.matches("</style").count()), (1, 1));
    assert_eq!(NASTY.len(), 3);
}

#[test]
fn nothing_from_elsewhere() {
    let mut only_refusals = Report { period: report().period, failures: report().failures, ..nothing() };
    only_refusals.streams = report().streams;
    for report in [report(), nothing(), only_refusals] {
        let page = page(&report);
        assert!(page.contains("default-src 'none'"));
        for reference in
            ["http://", "https://", "//cdn", " src=\"", "@import", "<link", "<iframe", "<object", "style=\""]
        {
            assert!(!page.contains(reference), "{reference}");
        }
        let targets = page.split("url(").skip(1).map(|rest| rest.split(')').next().unwrap());
        assert!(targets.clone().count() > 0);
        targets.for_each(|target| assert!(target.starts_with('#'), "{target}"));
        let links = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        for link in links {
            let id = link.strip_prefix('#').unwrap();
            assert!(page.contains(&format!("id=\"{id}\"")), "{link} leads nowhere");
        }
    }
}

#[test]
fn charts_have_their_texts() {
    let page = page(&report());
    let charts: Vec<&str> = page.split("<svg class=\"chart").skip(1).collect();
    assert!(charts.len() > 10, "{}", charts.len());
    for chart in charts {
        let (attributes, rest) = chart.split_once('>').unwrap();
        if attributes.contains("aria-hidden") {
            continue;
        }
        assert!(attributes.contains("role=\"img\"") && attributes.contains("aria-labelledby="), "{attributes}");
        let title = rest.strip_prefix("<title id=").and_then(|rest| rest.split(['>', '<']).nth(1)).unwrap();
        let says = rest.split("<desc id=").nth(1).and_then(|rest| rest.split(['>', '<']).nth(1)).unwrap();
        assert!(!title.is_empty() && says.len() > 10, "{title}: {says}");
    }
    for what in
        ["Connected users over time", "Sessions by day", "Sessions by hour of the week", "Refused logins by day"]
    {
        assert!(page.contains(&format!("<summary>Numbers: {what}</summary>")), "{what}");
    }
}

#[test]
fn ids_are_used_once() {
    let page = page(&report());
    let mut ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn an_archive_without_events() {
    let page = page(&nothing());
    for text in ["No access was logged", "logs/empty", "personal data", "files 17 to 19 are missing"] {
        assert!(page.contains(text), "{text}");
    }
    for text in ["id=\"access\"", "id=\"users\"", "NaN", "id=\"failures\""] {
        assert!(!page.contains(text), "{text}");
    }
}

#[test]
fn what_is_left_out_is_said() {
    let page = page(&report());
    for text in [
        "3 more users are not shown",
        "20 more are left out",
        "report-last-access.csv",
        "37 earlier ones",
        "2 more notes",
    ] {
        assert!(page.contains(text), "{text}");
    }
}
