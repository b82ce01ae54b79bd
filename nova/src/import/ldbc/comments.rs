//! Comments, after what they answer.

use std::collections::HashMap;

use nova_domain::comment::AddComment;

use super::rows::{self, Made};
use super::table::{COMMENT, Row, Table};
use super::{Files, Importer};
use crate::import::report::Kind;

/// What is kept of a comment until it is its turn.
#[derive(Debug, Clone)]
struct Entry {
    id: u64,
    answers: Answers,
    at_ms: i64,
    file: u32,
    /// How many comments are between it and its post. `None`: not known yet, or there is no post at the end.
    depth: Option<u32>,
    offset: u64,
    line: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    Post(u64),
    Comment(u64),
}

pub(super) async fn import(importer: &mut Importer, files: &Files) -> anyhow::Result<()> {
    importer.crew.report().phase(Kind::Comment);
    let (mut tables, mut entries) = index(importer, files)?;
    let roots = resolve(&mut entries);

    let mut order: Vec<usize> = (0..entries.len()).collect();
    // Those without a depth come last: they are only reported.
    order.sort_unstable_by_key(|&at| {
        let entry = &entries[at];
        (entry.depth.unwrap_or(u32::MAX), entry.at_ms, entry.file, entry.line)
    });
    let mut depth = Some(0);
    for at in order {
        let entry = &entries[at];
        if entry.depth != depth {
            importer.crew.rest().await?;
            depth = entry.depth;
        }
        let Some(row) = tables[entry.file as usize].row_at(entry.offset, entry.line)? else { continue };
        importer.crew.report().advance(row.bytes);
        let root = roots[at].ok_or_else(|| "replyOfComment leads to no post".to_owned());
        match root.and_then(|root| made_of(&row, entry, root)) {
            Ok(made) => importer.give(&row.place, Kind::Comment, vec![made]).await?,
            Err(reason) => importer.crew.report().bad(&row.place, &reason),
        }
    }
    importer.crew.rest().await
}

/// Every comment of the files without its text. Bad lines are reported here.
fn index(importer: &Importer, files: &Files) -> anyhow::Result<(Vec<Table>, Vec<Entry>)> {
    let report = importer.crew.report();
    let (mut tables, mut entries) = (Vec::new(), Vec::new());
    for (file, path) in files.of(&COMMENT).iter().enumerate() {
        let mut table = Table::open(path, &COMMENT)?;
        while let Some(row) = table.next()? {
            match entry_of(&row, u32::try_from(file)?) {
                Ok(entry) => entries.push(entry),
                Err(reason) => {
                    report.advance(row.bytes);
                    report.bad(&row.place, &reason);
                }
            }
        }
        tables.push(table);
    }
    Ok((tables, entries))
}

fn entry_of(row: &Row, file: u32) -> Result<Entry, String> {
    let fields = row.fields(&COMMENT)?;
    let answers = match (fields[8], fields[9]) {
        (post, "") if !post.is_empty() => Answers::Post(rows::number("replyOfPost", post)?),
        ("", comment) if !comment.is_empty() => Answers::Comment(rows::number("replyOfComment", comment)?),
        _ => return Err("exactly one of replyOfPost and replyOfComment must be given".to_owned()),
    };
    rows::number("creator", fields[6])?;
    Ok(Entry {
        id: rows::number("id", fields[0])?,
        answers,
        at_ms: rows::time_of("creationDate", fields[COMMENT.time])?,
        file,
        depth: None,
        offset: row.offset,
        line: row.place.line,
    })
}

/// Finds the post that each comment is on, and its depth. `None` for those whose chain of parents ends nowhere or in
/// itself.
fn resolve(entries: &mut [Entry]) -> Vec<Option<u64>> {
    let by_id: HashMap<u64, usize> = entries.iter().enumerate().map(|(at, entry)| (entry.id, at)).collect();
    let mut roots: Vec<Option<u64>> = vec![None; entries.len()];
    let mut looked_at = vec![false; entries.len()];
    let mut chain = Vec::new();
    for start in 0..entries.len() {
        // Up the chain to something known, or to nowhere; then down again.
        let mut at = start;
        let mut known = loop {
            if looked_at[at] {
                break roots[at].zip(entries[at].depth);
            }
            looked_at[at] = true;
            match entries[at].answers {
                Answers::Post(post) => {
                    (roots[at], entries[at].depth) = (Some(post), Some(0));
                    break Some((post, 0));
                }
                Answers::Comment(parent) => {
                    chain.push(at);
                    match by_id.get(&parent) {
                        Some(&parent) => at = parent,
                        None => break None,
                    }
                }
            }
        };
        while let Some(at) = chain.pop() {
            known = known.map(|(post, depth)| (post, depth + 1));
            (roots[at], entries[at].depth) = known.unzip();
        }
    }
    roots
}

fn made_of(row: &Row, entry: &Entry, post: u64) -> Result<Made, String> {
    let fields = row.fields(&COMMENT)?;
    let parent = match entry.answers {
        Answers::Post(_) => None,
        Answers::Comment(parent) => Some(rows::comment_id(parent)),
    };
    let command = AddComment {
        comment: rows::comment_id(entry.id),
        post: rows::post_id(post),
        parent,
        text: fields[4].to_owned(),
    };
    Ok(Made {
        name: format!("ldbc:comment:{}:add", entry.id),
        user: rows::person_id(rows::number("creator", fields[6])?),
        at_ms: entry.at_ms,
        command: command.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u64, answers: Answers) -> Entry {
        Entry { id, answers, at_ms: 0, file: 0, depth: None, offset: 0, line: id }
    }

    #[test]
    fn a_comment_finds_its_post_whatever_the_order_of_the_file() {
        let mut entries = vec![
            entry(3, Answers::Comment(2)),
            entry(2, Answers::Comment(1)),
            entry(1, Answers::Post(70)),
            entry(4, Answers::Comment(2)),
            entry(5, Answers::Comment(99)),
            entry(6, Answers::Comment(5)),
            entry(7, Answers::Comment(8)),
            entry(8, Answers::Comment(7)),
        ];
        let roots = resolve(&mut entries);
        assert_eq!(roots, [Some(70), Some(70), Some(70), Some(70), None, None, None, None]);
        let depths: Vec<_> = entries.iter().map(|entry| entry.depth).collect();
        assert_eq!(depths, [Some(2), Some(1), Some(0), Some(2), None, None, None, None]);
    }
}
