use std::io::Write;

use super::*;

fn conversations(bytes: &[u8]) -> (Vec<RawConversation>, anyhow::Result<()>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    let (sender, mut receiver) = mpsc::channel(100);
    let result = stream::read(&path, &Report::begin(0), &sender);
    drop(sender);
    let mut all = Vec::new();
    while let Ok(conversation) = receiver.try_recv() {
        all.push(conversation);
    }
    (all, result)
}

const TWO: &str = r#"{
  "a": {"messages": [[{"text": "hi", "timestamp": "2018-05-02T19:38:15Z", "sender": "x"}],
    [{"text": "hello", "timestamp": "2018-05-02T19:38:16Z", "sender": "y"},
     {"text": 5}]],
    "ratings": {"witty": "1"}},
  "b": {"messages": [
     [{"text": "alone", "timestamp": "2018-05-02T19:38:17Z", "sender": "x"}]
  ]}
}"#;

#[test]
fn conversations_come_one_by_one_with_their_lines() {
    let (all, result) = conversations(TWO.as_bytes());
    result.unwrap();
    let seen: Vec<_> = all
        .iter()
        .map(|c| {
            (c.id.as_str(), c.place.line, c.texts.iter().map(|(line, text)| (*line, text.is_ok())).collect())
        })
        .collect();
    let expected: Vec<(&str, u64, Vec<_>)> =
        vec![("a", 2, vec![(2, true), (3, true), (4, false)]), ("b", 6, vec![(7, true)])];
    assert_eq!(seen, expected);
}

#[test]
fn a_packed_file_is_known_by_its_first_bytes() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(TWO.as_bytes()).unwrap();
    let (all, result) = conversations(&packer.finish().unwrap());
    result.unwrap();
    assert_eq!(all.len(), 2);
}

#[test]
fn byte_order_mark_before_the_json_is_skipped() {
    let marked = format!("\u{feff}{TWO}");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(marked.as_bytes()).unwrap();
    for bytes in [marked.into_bytes(), packer.finish().unwrap()] {
        let (all, result) = conversations(&bytes);
        result.unwrap();
        assert_eq!(all.len(), 2);
    }
}

#[test]
fn what_stands_before_a_mistake_is_kept() {
    let (all, result) = conversations(&TWO.as_bytes()[..TWO.len() - 4]);
    assert_eq!(all.len(), 1);
    let error = result.unwrap_err().to_string();
    assert!(error.contains("Eof error in the JSON"), "{error}");
    assert!(!error.contains("alone"), "{error}");
}

#[test]
fn a_conversation_of_another_shape_is_bad_and_the_rest_goes_on() {
    let json = r#"{"a": 5, "b": {"messages": []}, "c": {"messages": [[{"text": "t", "timestamp": "t", "sender": "s"}]]}}"#;
    let (all, result) = conversations(json.as_bytes());
    result.unwrap();
    assert_eq!(all.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["c"]);
    let report = Report::begin(0);
    let talk = Talk::of(all.into_iter().next().unwrap(), &report);
    assert_eq!((talk.texts.len(), report.bad_count()), (0, 1), "its one text has no time");
}

#[test]
fn a_conversation_that_does_not_end_is_not_held() {
    let mut json = b"{\"a\": {\"messages\": [[\"".to_vec();
    json.resize(stream::CONVERSATION_BYTES_MAX as usize + 100, b'x');
    let (all, result) = conversations(&json);
    assert!(all.is_empty());
    assert!(result.unwrap_err().to_string().contains("more than"));
}

#[test]
fn whatever_a_file_holds_it_is_read_or_refused() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(TWO.as_bytes()).unwrap();
    let sound = vec![TWO.as_bytes().to_vec(), packer.finish().unwrap()];
    nova_testkit::fuzz::fuzz("chitchat", sound, |file| {
        let (all, result) = conversations(file);
        let texts: usize = all.iter().map(|conversation| conversation.texts.len()).sum();
        (all.len(), texts, result.map_err(|error| error.root_cause().to_string()))
    });
}
