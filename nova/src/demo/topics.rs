//! What people talk about. A text is a template with slots: `{thing}`, `{spot}` and `{find}` are filled from the topic's
//! own lists, `{n}` with a small number. Answers use the thing of the post that they answer.

mod city;
mod craft;
mod nature;

/// A topic and its words.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    /// Said of oneself.
    pub(crate) bios: &'static [&'static str],
    /// Fits behind "the" and "my".
    pub(crate) things: &'static [&'static str],
    /// Says where; begins with a preposition.
    pub(crate) spots: &'static [&'static str],
    /// A whole sentence without its full stop, beginning in lower case.
    pub(crate) finds: &'static [&'static str],
    pub(crate) posts: &'static [&'static str],
    pub(crate) replies: &'static [&'static str],
    /// Names of groups.
    pub(crate) groups: &'static [&'static str],
}

pub(crate) static TOPICS: [&Topic; 12] = [
    &craft::BREAD,
    &craft::WOOD,
    &craft::MUSIC,
    &craft::CODE,
    &nature::GARDEN,
    &nature::BIRDS,
    &nature::SKY,
    &nature::HIKING,
    &city::CYCLING,
    &city::BOOKS,
    &city::COFFEE,
    &city::PHOTOS,
];
