//! `report` as an HTML page.

use std::io::{self, Write};

use crate::answer::report::Report;

/// Writes the page.
///
/// # Errors
/// Those of the writer.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let sum = &report.totals;
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    writeln!(out, "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>imstrail report</title>")?;
    writeln!(out, "<p>{} sessions of {} users, {} refused logins", sum.sessions, sum.users, sum.failures)?;
    writeln!(out, "<pre>{}</pre></html>", escaped(&format!("{report:#?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::report::example::{nothing, report};

    #[test]
    fn names_stay_text() {
        for report in [report(), nothing()] {
            let mut page = Vec::new();
            write(&report, &mut page).unwrap();
            let page = String::from_utf8(page).unwrap();
            assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
        }
    }
}
