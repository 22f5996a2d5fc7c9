//! What is not wrong with grammar files, but perhaps not meant: templates that others leave nothing to, or that take from others.

use super::dialect::{Dialect, Grammars, Template};
use super::kind::Kind;
use super::sample::opened;
use crate::mistake::Mistake;
use crate::model::Service;

impl Grammars {
    /// What is perhaps not meant in the files of a site: for each its dialect's number, and where and what it is.
    pub fn warnings(&self) -> Vec<(usize, Mistake)> {
        let mut warnings: Vec<(usize, Mistake)> = Vec::new();
        for template in self.templates() {
            for (i, sample) in template.samples.iter().enumerate() {
                let Some((process, message)) = opened(sample.line.as_bytes()) else { continue };
                let Some((reader, _)) = self.first_of(self.templates(), process, message) else { continue };
                if reader.dialect != template.dialect {
                    warnings.extend(self.taken(template, i + 1, reader));
                }
            }
            if !self.is_built_in(template) {
                warnings.extend(uncounted(template).map(|mistake| (template.dialect, mistake)));
            }
        }
        // One file may take several lines of another in one way.
        warnings.sort_by_key(|(dialect, m)| (*dialect, m.at.start, m.what.clone()));
        warnings.dedup();
        warnings
    }

    fn dialect_of(&self, template: &Template) -> Option<&Dialect> {
        self.dialects().get(template.dialect)
    }

    fn is_built_in(&self, template: &Template) -> bool {
        self.dialect_of(template).is_some_and(|dialect| dialect.built_in)
    }

    /// A template whose sample another dialect reads: said of the site's file, whichever of the two is the site's.
    fn taken(&self, template: &Template, number: usize, reader: &Template) -> Option<(usize, Mistake)> {
        let whose = |template: &Template| {
            let dialect = self.dialect_of(template)?;
            Some(if dialect.built_in { format!("the built-in {}", dialect.path) } else { dialect.path.clone() })
        };
        if !self.is_built_in(template) {
            let whose = whose(reader)?;
            let what = format!(
                "template {}: sample {number} is read by \"{}\" of {whose}, which is asked before, so this may never read a line",
                template.number, reader.text
            );
            return Some((
                template.dialect,
                Mistake::new(template.at.clone(), what, "turn the files round, or leave one out"),
            ));
        }
        if self.is_built_in(reader) {
            return None;
        }
        let whose = whose(template)?;
        let kind = template.meaning.kind.name();
        let what = format!(
            "template {}: takes lines from \"{}\" of {whose}, a {kind}; its sample is one of them",
            reader.number, template.text
        );
        let remedy =
            "if that is not meant, write more of the message as text, or set last = true at the top of the file";
        Some((reader.dialect, Mistake::new(reader.at.clone(), what, remedy)))
    }
}

/// A login or close that no access service writes.
fn uncounted(template: &Template) -> Option<Mistake> {
    let others = template.processes.iter().filter(|name| Service::of_process(name.as_bytes()).is_none());
    let others: Vec<&str> = others.map(String::as_str).collect();
    if !matches!(template.meaning.kind, Kind::Login | Kind::Close) || others.is_empty() {
        return None;
    }
    let what = format!(
        "template {}: a {} of {} does not count",
        template.number,
        template.meaning.kind.name(),
        others.join(", ")
    );
    Some(Mistake::new(template.at.clone(), what, "the access services are imapd, popd, httpd and mshttpd"))
}
