//! Target `template`: any text as a dialect file, and as the text of a template.

use super::adapter::{Class, Desk, Sample, Templates};

/// What every line of a sample may stand behind.
const ENVELOPE: &str = "[29/May/2019:10:44:56 +0200] store1 imapd[7]: Account Notice: ";
const KINDS: [&str; 11] =
    ["login", "close", "refused", "denied", "start", "stop", "created", "append", "fetch", "expunge", "known"];

/// Loads the text as a dialect file. A text that begins with a colon is a template instead: behind the colon a byte that
/// says the kind, then the template's text, and in the lines behind it messages for its samples.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.strip_prefix(':') {
        None => load(text),
        Some(template) => load(&dialect(template)),
    }
}

/// A dialect of one template.
fn dialect(text: &str) -> String {
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    let (kind, template) = match first.chars().next() {
        Some(c) => (u32::from(c) as usize, first.get(c.len_utf8()..).unwrap_or_default()),
        None => (0, ""),
    };
    let kind = KINDS[kind % KINDS.len()];
    let mut file = format!(
        "dialect = \"d\"\nreasons = [\"gone\"]\n[[template]]\nkind = \"{kind}\"\nbasis = \"observed\"\ntext = {}\n",
        quoted(template)
    );
    for message in lines {
        file.push_str(&format!("[[template.sample]]\nline = {}\n", quoted(&format!("{ENVELOPE}{message}"))));
    }
    file
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

/// A dialect file is refused with a message that names it, or its templates read their samples.
fn load(text: &str) {
    let templates = match Templates::with_site("site.toml", text) {
        Ok(templates) => templates,
        Err(said) => {
            assert!(said.starts_with("site.toml:") && said.len() > "site.toml:1:1: ".len(), "{said:?}");
            return;
        }
    };
    let desk = Desk::new(&templates, Some(2020));
    let mut reader = desk.reader();
    for Sample { kind, line, expected } in templates.samples() {
        let told = reader.read(line.as_bytes());
        assert_eq!(told.class, Class::Event(kind), "{line:?}");
        for (field, text) in expected {
            assert_eq!(told.fields.text(field).as_deref(), Some(text), "{field} of {line:?}");
        }
    }
}
