//! Who lives in the demo.

use nova_events::UserId;

use super::dice::Dice;
use super::topics::TOPICS;
use crate::import::user_of;

/// Someone of the community.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) user: UserId,
    pub(crate) handle: String,
    pub(crate) display_name: String,
    pub(crate) bio: Option<String>,
    /// Topics; the first is the one they talk about most.
    pub(crate) interests: Vec<usize>,
    /// How much they write; 1 on average or so.
    pub(crate) activity: f64,
    /// How much attention they get; most have little, a few have a lot.
    pub(crate) fame: f64,
}

/// Those whom the demo hands out tokens for come first: a member with a good feed, and one for each role.
pub(crate) const CAST: [(&str, &str, &str); 4] = [
    (
        "maya",
        "Maya Lindqvist",
        "Baker on weekends, walker in between. I post what comes out of the oven and the fog.",
    ),
    ("tomas", "Tomás Okafor", "I keep this place friendly. Write to me if something is not."),
    ("ines", "Inês Duarte", "I check that what should be gone is gone."),
    ("kofi", "Kofi Mensah", "I keep it running. Birds before breakfast."),
];

const FIRST_NAMES: &[&str] = &[
    "Aaron",
    "Aïcha",
    "Aiko",
    "Alma",
    "Amara",
    "Amir",
    "Ana",
    "Anders",
    "Anouk",
    "Arjun",
    "Astrid",
    "Ayla",
    "Beatriz",
    "Benedikt",
    "Bilal",
    "Camille",
    "Carlos",
    "Chiara",
    "Chidi",
    "Clara",
    "Dario",
    "Dilnoza",
    "Dina",
    "Dmitri",
    "Edith",
    "Eero",
    "Elif",
    "Elias",
    "Emeka",
    "Emma",
    "Enzo",
    "Farah",
    "Felix",
    "Fatou",
    "Gabriel",
    "Greta",
    "Hana",
    "Hassan",
    "Helga",
    "Hiro",
    "Ida",
    "Ilse",
    "Imani",
    "Irina",
    "Isak",
    "Jamila",
    "Jan",
    "Jonas",
    "José",
    "Julia",
    "Kaito",
    "Katarina",
    "Keiko",
    "Lars",
    "Leila",
    "Lena",
    "Liam",
    "Lucía",
    "Mads",
    "Malika",
    "Marco",
    "Marta",
    "Mei",
    "Milan",
    "Mirela",
    "Nadia",
    "Nils",
    "Noor",
    "Olga",
    "Omar",
    "Oskar",
    "Paula",
    "Pavel",
    "Petra",
    "Priya",
    "Quentin",
    "Rafael",
    "Rania",
    "Ravi",
    "Rosa",
    "Ruben",
    "Salma",
    "Samuel",
    "Selin",
    "Sofia",
    "Sven",
    "Tariq",
    "Tess",
    "Theo",
    "Ulla",
    "Valentina",
    "Viktor",
    "Wanjiru",
    "Xavier",
    "Yara",
    "Yusuf",
    "Zoé",
];

const LAST_NAMES: &[&str] = &[
    "Abara",
    "Adler",
    "Almeida",
    "Andersen",
    "Banerjee",
    "Baptiste",
    "Bauer",
    "Bianchi",
    "Castro",
    "Chen",
    "Costa",
    "Dahl",
    "Demir",
    "Diallo",
    "Dubois",
    "Eriksen",
    "Farouk",
    "Ferrari",
    "Fischer",
    "Fonseca",
    "García",
    "Gruber",
    "Haddad",
    "Hansen",
    "Horvat",
    "Ibrahim",
    "Ito",
    "Ivanova",
    "Jensen",
    "Kamau",
    "Kaya",
    "Keller",
    "Kim",
    "Kovač",
    "Kowalska",
    "Laine",
    "Lefèvre",
    "Lindgren",
    "Lopes",
    "Marino",
    "Martens",
    "Meyer",
    "Moreau",
    "Mori",
    "Nagy",
    "Nakamura",
    "Ndiaye",
    "Nguyen",
    "Novak",
    "Nowak",
    "Okoye",
    "Olsen",
    "Osei",
    "Öztürk",
    "Park",
    "Patel",
    "Pereira",
    "Petrov",
    "Popescu",
    "Quispe",
    "Rahman",
    "Ramos",
    "Rossi",
    "Ruiz",
    "Sato",
    "Schneider",
    "Shah",
    "Silva",
    "Sokolova",
    "Suzuki",
    "Tanaka",
    "Tesfaye",
    "Toth",
    "Vargas",
    "Virtanen",
    "Vogel",
    "Weber",
    "Wójcik",
    "Yamada",
    "Yilmaz",
    "Zhang",
    "Zimmermann",
];

/// The first `count` people. The first ones are the same whatever the count.
pub(crate) fn people(count: usize) -> Vec<Person> {
    let mut taken = std::collections::HashSet::new();
    (0..count).map(|number| person(number, &mut taken)).collect()
}

fn person(number: usize, taken: &mut std::collections::HashSet<String>) -> Person {
    let mut dice = Dice::of("person", number as u64);
    let user = user_of(&format!("demo:person:{number}"));
    let main = number % TOPICS.len();
    let mut interests = vec![main];
    for _ in 0..dice.between(1, 2) {
        let other = dice.below(TOPICS.len());
        if !interests.contains(&other) {
            interests.push(other);
        }
    }
    if let Some((handle, name, bio)) = CAST.get(number) {
        taken.insert((*handle).to_owned());
        return Person {
            user,
            handle: (*handle).to_owned(),
            display_name: (*name).to_owned(),
            bio: Some((*bio).to_owned()),
            interests: if number == 0 { vec![0, 7, 11] } else { interests },
            activity: 1.2,
            fame: 1.5,
        };
    }
    let (first, last) = (dice.pick(FIRST_NAMES), dice.pick(LAST_NAMES));
    let bio = dice.chance(0.8).then(|| dice.pick(TOPICS[main].bios).to_owned());
    Person {
        user,
        handle: free_handle(first, last, &mut dice, taken),
        display_name: format!("{first} {last}"),
        bio,
        interests,
        activity: 0.3 + dice.heavy_tail(1.6, 4.0) * 0.9,
        fame: 0.2 + dice.heavy_tail(1.05, 30.0),
    }
}

fn free_handle(
    first: &str,
    last: &str,
    dice: &mut Dice,
    taken: &mut std::collections::HashSet<String>,
) -> String {
    let (first, last) = (plain(first), plain(last));
    let initial = last.get(..1).unwrap_or_default();
    let mut wished = match dice.below(5) {
        0 => format!("{first}_{last}"),
        1 => format!("{first}{last}"),
        2 => format!("{first}_{initial}"),
        3 => format!("{last}_{first}"),
        _ => format!("{first}{}", dice.between(70, 99)),
    };
    while !taken.insert(wished.clone()) {
        wished = format!("{first}_{last}_{}", dice.between(2, 9999));
    }
    wished
}

/// Lower case and without accents: what a handle may hold.
fn plain(name: &str) -> String {
    let without = |c: char| match c {
        'á' | 'à' | 'ã' | 'â' => 'a',
        'é' | 'è' | 'ê' => 'e',
        'í' | 'ï' => 'i',
        'ó' | 'ö' => 'o',
        'ü' | 'ú' => 'u',
        'č' | 'ç' => 'c',
        other => other,
    };
    name.to_lowercase().chars().map(without).filter(char::is_ascii_alphanumeric).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_unique_and_allowed_and_the_first_people_stay_the_same() {
        let all = people(2000);
        let handles: std::collections::HashSet<_> = all.iter().map(|person| &person.handle).collect();
        assert_eq!(handles.len(), all.len());
        for person in &all {
            let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
            assert!(
                (3..=30).contains(&person.handle.len()) && person.handle.bytes().all(allowed),
                "{person:?}"
            );
        }
        for (few, many) in people(50).iter().zip(&all) {
            assert_eq!((few.user, &few.handle, &few.bio), (many.user, &many.handle, &many.bio));
        }
    }
}
