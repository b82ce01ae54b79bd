use super::Topic;

pub(super) static CYCLING: Topic = Topic {
    name: "cycling",
    bios: &[
        "Commutes by bike, detours by choice.",
        "One bike too many, which is the right number.",
        "Uphill for the downhill.",
        "Fixing punctures and prejudices.",
    ],
    things: &[
        "cargo bike", "canal path", "steel frame", "new bike lane", "morning commute", "gravel loop",
        "dynamo light", "squeaky chain", "headwind", "century ride",
    ],
    spots: &[
        "along the river", "over the old bridge", "through the industrial estate", "in the first frost",
        "on the way to work", "up the cobbled hill",
    ],
    finds: &[
        "a clean chain is free speed",
        "the right tyre pressure is lower than you think",
        "mudguards are the best thing you can buy",
        "eating before you are hungry is the whole trick",
        "the wind is always against you and that is a fact",
        "a bell and a smile open every path",
    ],
    posts: &[
        "The {thing} {spot} at sunrise. {n} kilometres and not a single red light.",
        "Replaced everything on the {thing} except the noise.",
        "After {n} winters on the road I am sure of one thing: {find}.",
        "Took the {thing} {spot} today and found a bakery I did not know. Dangerous.",
        "Finally did the {thing}. {n} hours, one puncture, two pieces of cake.",
        "They have opened the {thing} {spot}. It is wide, it is smooth, somebody has already parked on it.",
        "What do you use for the {thing} in the wet? Mine sounds like a coffee mill.",
        "My daughter rode the {thing} on her own for the first time. I was the one out of breath.",
        "Unpopular opinion: {find}.",
    ],
    replies: &[
        "How is the surface on the {thing} now?",
        "The {thing} changed my whole week, I know the feeling.",
        "Check the bottom bracket. It is always the bottom bracket.",
        "Hard agree: {find}.",
        "Where is that bakery? Asking for the whole club.",
        "I would join you for the {thing} on Saturday.",
        "Two pieces of cake is the legal minimum.",
    ],
    groups: &["Saturday loop", "Cargo bike parents"],
};

pub(super) static BOOKS: Topic = Topic {
    name: "books",
    bios: &[
        "The pile by the bed is load-bearing.",
        "Librarian. Yes, I have read it. No, not all of it.",
        "Rereader.",
        "Second-hand bookshops in every city.",
    ],
    things: &[
        "last chapter", "translation", "detective novel", "short story", "library copy", "family saga",
        "poetry collection", "epilogue", "first edition", "travel diary",
    ],
    spots: &[
        "on the tram", "in the bath", "at the book club", "in one sitting", "in the waiting room",
        "under the covers with a torch",
    ],
    finds: &[
        "a book you abandon is not a failure",
        "the second reading is the real one",
        "short books stay longer",
        "the best reviews are the angry ones",
        "a good translator deserves the cover",
        "nobody has ever returned the book I lent first",
    ],
    posts: &[
        "Finished the {thing} {spot}. I need {n} days before I can start anything else.",
        "The {thing} is better than everybody told me, and everybody told me it was good.",
        "I stand by this: {find}.",
        "Found a {thing} with a letter inside, {n} years old. Somebody loved this book.",
        "Our group argued about the {thing} for {n} hours. Nobody changed their mind. Excellent evening.",
        "Missed my stop because of the {thing}. Twice. In one week.",
        "Looking for something like the {thing}, but kinder. Suggestions?",
        "Read the {thing} aloud to my father {spot}. He corrected my pronunciation.",
        "What I took from the {thing}: {find}.",
    ],
    replies: &[
        "Is the {thing} the one with the yellow cover?",
        "I gave up on the {thing} at page ninety. Should I try again?",
        "The {thing} ruined other books for me, for a while.",
        "Quoted to everyone I know: {find}.",
        "What was in the letter?",
        "Try the author's earlier one, if you liked the {thing}.",
        "Missing one's stop is the highest praise.",
    ],
    groups: &["Book club, second attempt", "Page ninety"],
};

pub(super) static COFFEE: Topic = Topic {
    name: "coffee",
    bios: &[
        "Barista on weekdays, customer on weekends.",
        "Grinder owner, sleep avoider.",
        "One cup. All right, two.",
        "Roasting in a popcorn machine.",
    ],
    things: &[
        "hand grinder", "moka pot", "Ethiopian roast", "pour-over", "flat white", "espresso machine",
        "dark roast", "paper filter", "milk foam", "office coffee",
    ],
    spots: &[
        "at the corner café", "in the office kitchen", "on a camping stove", "at the roastery by the docks",
        "at six in the morning", "on the night train",
    ],
    finds: &[
        "the grinder matters more than the machine",
        "water is most of the cup and nobody talks about it",
        "fresh beans forgive a bad technique",
        "cleaning the machine is a recipe too",
        "a smaller cup tastes bigger",
        "the second pour is where it goes wrong",
    ],
    posts: &[
        "Dialled in the {thing} {spot}: {n} grams, a little finer, and suddenly there is fruit.",
        "The {thing} {spot} was so good that I went back after {n} minutes.",
        "It took me {n} years to accept: {find}.",
        "My colleagues have started to ask for the {thing}. I have created a monster.",
        "Broke the {thing} this morning. Tea for everyone. It is not the same.",
        "Blind tasting of {n} cups: nobody recognised the {thing}, not even the one who brought it.",
        "Is there any way to make the {thing} less bitter without changing the beans?",
        "A stranger {spot} explained the {thing} to me for half an hour. I nodded. He was right.",
        "Today's note in the book: {find}.",
    ],
    replies: &[
        "What ratio do you use for the {thing}?",
        "Try the {thing} with cooler water, around ninety degrees.",
        "I gave up on the {thing} and have never been happier. Then I came back.",
        "Put it on a poster: {find}.",
        "The {thing} there is the best in town, no discussion.",
        "A colder morning wants a coarser grind. Do not ask me why.",
        "Tea is fine. Tea is fine. Tea is fine.",
    ],
    groups: &["Tasting table", "Office coffee rescue"],
};

pub(super) static PHOTOS: Topic = Topic {
    name: "photography",
    bios: &[
        "Film in the fridge.",
        "Street corners, rainy windows.",
        "I wait for the light and then I wait some more.",
        "One lens, many miles.",
    ],
    things: &[
        "long exposure", "old rangefinder", "contact sheet", "black-and-white roll", "portrait series",
        "wide angle", "night shot", "darkroom print", "street scene", "double exposure",
    ],
    spots: &[
        "under the railway bridge", "at blue hour", "in the fish market", "from the tram", "in heavy rain",
        "at the empty swimming pool",
    ],
    finds: &[
        "the picture is usually behind you",
        "one lens for a year teaches more than ten lenses",
        "people relax once you put the camera down",
        "printing it is the only honest test",
        "bad weather is good light",
        "the frame before the perfect one is the better one",
    ],
    posts: &[
        "Shot the {thing} {spot}. {n} frames, one keeper, and I know which one.",
        "The {thing} came back from the lab. The one I had forgotten is the best of the roll.",
        "Still true after {n} years: {find}.",
        "Waited {n} minutes {spot} for somebody with a red umbrella. Somebody with a red umbrella came.",
        "Printed the {thing} as large as the wall allows. Every mistake is now one metre wide.",
        "Dropped the {thing} {spot}. It still works, which is more than I can say for my nerves.",
        "How do you archive a {thing}? Mine live in shoe boxes and in my bad conscience.",
        "My favourite of the {thing} is out of focus and I do not care.",
        "An old photographer looked at my {thing} and said only this: {find}.",
    ],
    replies: &[
        "Which film is the {thing} on?",
        "I would hang that {thing} on my wall.",
        "The red umbrella always comes if you wait long enough.",
        "My teacher used to say that {find}.",
        "How long was the shutter open for the {thing}?",
        "Out of focus is a feeling. Keep the {thing}.",
        "Shoe boxes outlive hard disks, you are fine.",
    ],
    groups: &["Blue hour", "One lens, one year"],
};
