use std::fs;

use super::table::{KNOWS, POST, Table};
use super::*;

#[test]
fn parts_belong_to_their_table_only() {
    assert!(is_part_of("person_0_0.csv", "person"));
    assert!(is_part_of("person_12_3.csv", "person"));
    assert!(!is_part_of("person_knows_person_0_0.csv", "person"));
    assert!(is_part_of("person_knows_person_0_0.csv", "person_knows_person"));
    assert!(!is_part_of("person_email_emailaddress_0_0.csv", "person"));
    assert!(!is_part_of("person_0_0.txt", "person"));
}

#[test]
fn quotes_are_plain_text_and_empty_content_is_the_image() {
    let text = |image: &str, content: &str| {
        let row = ["7", image, "2010-01-01T00:00:00.000+0000", "", "", "", content, "0", "9", "1", "1"];
        match rows::post(&row).unwrap().remove(0).command {
            nova_domain::Command::PublishPost(post) => post.text,
            other => panic!("{}", other.name()),
        }
    };
    assert_eq!(text("", "say \"hi\""), "say \"hi\"");
    assert_eq!(text("photo7.jpg", ""), "photo7.jpg");
}

#[test]
fn a_row_is_found_again_where_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("person_knows_person_0_0.csv");
    let time = "2010-07-10T16:04:52.244+0000";
    fs::write(&path, format!("{}\n1|2|{time}\r\n\n3|4|{time}\n5|6|{time}", KNOWS.header)).unwrap();
    let mut table = Table::open(&path, &KNOWS).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = table.next().unwrap() {
        rows.push((row.offset, row.place.line, row.fields(&KNOWS).unwrap()[0].to_owned()));
    }
    assert_eq!(rows.iter().map(|(_, line, _)| *line).collect::<Vec<_>>(), [2, 4, 5]);
    for (offset, line, first) in rows.iter().rev() {
        let row = table.row_at(*offset, *line).unwrap().unwrap();
        assert_eq!((row.fields(&KNOWS).unwrap()[0], row.place.line), (first.as_str(), *line));
    }
}

#[test]
fn byte_order_mark_before_the_header_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("person_knows_person_0_0.csv");
    fs::write(&path, format!("\u{feff}{}\n1|2|x\n", KNOWS.header)).unwrap();
    let row = Table::open(&path, &KNOWS).unwrap().next().unwrap().unwrap();
    assert_eq!(row.fields(&KNOWS).unwrap(), ["1", "2", "x"]);
}

#[test]
fn another_header_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("post_0_0.csv");
    fs::write(&path, "id|content\n").unwrap();
    let error = Table::open(&path, &POST).unwrap_err().to_string();
    assert!(error.contains("post_0_0.csv:1: the columns must be id|imageFile"), "{error}");
}

#[test]
fn times_are_read_to_the_millisecond() {
    assert_eq!(rows::time_ms("1970-01-01T00:00:01.500+0000"), Some(1500));
    assert_eq!(rows::time_ms("1970-01-01T01:00:00.000+0100"), Some(0));
    assert_eq!(rows::time_ms("yesterday"), None);
    assert_eq!(rows::time_ms(""), None);
}

#[test]
fn whatever_a_table_holds_its_rows_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("post_0_0.csv");
    let row = "7|photo7.jpg|2010-07-10T16:04:52.244+0000|1.2.3.4|Firefox|en|say \"hi\"|8|9|10|11";
    let sound = vec![format!("{}\n{row}\r\n\n{row}\n", POST.header).into_bytes()];
    nova_testkit::fuzz::fuzz("ldbc", sound, |file| {
        fs::write(&path, file).unwrap();
        let mut table = match Table::open(&path, &POST) {
            Ok(table) => table,
            Err(error) => return vec![error.to_string()],
        };
        let mut told = Vec::new();
        loop {
            match table.next() {
                Ok(Some(row)) => told.push(match row.fields(&POST).and_then(|fields| rows::post(&fields)) {
                    Ok(made) => made.len().to_string(),
                    Err(problem) => problem,
                }),
                Ok(None) => return told,
                Err(error) => {
                    told.push(error.to_string());
                    return told;
                }
            }
        }
    });
}
