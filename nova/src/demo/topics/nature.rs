use super::Topic;

pub(super) static GARDEN: Topic = Topic {
    name: "gardening",
    bios: &[
        "Tomatoes in buckets, hope in everything.",
        "Allotment number 17, the one with the crooked gate.",
        "I talk to the beans. The beans are doing well.",
        "Seeds saved, slugs relocated.",
    ],
    things: &[
        "tomato plant", "compost heap", "rain barrel", "runner bean", "raised bed", "old apple tree",
        "garlic", "courgette", "climbing rose", "cold frame",
    ],
    spots: &[
        "behind the shed", "on the north-facing balcony", "at the allotment", "along the south wall",
        "in the shade of the hazel", "in the front yard",
    ],
    finds: &[
        "watering less often and more deeply is the whole secret",
        "mulch is the closest thing to magic",
        "slugs read the seed packets too",
        "the weeds tell you what the soil needs",
        "planting late and planting well beats planting early",
        "everything wants more light than I think",
    ],
    posts: &[
        "The {thing} survived the frost {spot}. I went out {n} times to check, in slippers.",
        "First harvest from the {thing}: {n} of them, all crooked, all delicious.",
        "This year's discovery: {find}.",
        "Something is eating the {thing} {spot}. Suspects: slugs, pigeons, my nephew.",
        "Moved the {thing} to a new place {spot}. It sulked for {n} days and then took off.",
        "Giving away spare seedlings this weekend, the {thing} got out of hand again.",
        "Has anyone had luck with the {thing} in heavy clay? I have tried sand, straw and swearing.",
        "An hour with the {thing} after work and the day is mine again.",
        "My neighbour has grown the {thing} for forty years. Her advice: {find}.",
    ],
    replies: &[
        "My {thing} did nothing until I stopped fussing.",
        "Try crushed eggshells around the {thing}. It works half of the time.",
        "How deep do you plant the {thing}?",
        "Learned it the hard way: {find}.",
        "I would swap some garlic for whatever the {thing} gives you.",
        "It is always the pigeons.",
        "Please post again when it flowers.",
    ],
    groups: &["Allotment neighbours", "Seed swap"],
};

pub(super) static BIRDS: Topic = Topic {
    name: "birding",
    bios: &[
        "Up before the blackbirds.",
        "Binoculars in every coat.",
        "I brake for kestrels.",
        "Keeping a list since I was nine.",
    ],
    things: &[
        "kingfisher", "pair of goldfinches", "barn owl", "flock of waxwings", "black redstart", "grey heron",
        "spotted woodpecker", "peregrine", "wryneck", "marsh harrier",
    ],
    spots: &[
        "down by the weir", "above the car park", "at the gravel pits", "in the reeds behind the station",
        "on the church tower", "at the edge of the city park",
    ],
    finds: &[
        "standing still for ten minutes beats walking for an hour",
        "you hear three birds for every one you see",
        "the dull ones are the interesting ones",
        "bad weather brings the good birds",
        "dawn is worth it every single time",
        "the best hide is a bench with a sandwich",
    ],
    posts: &[
        "Saw the {thing} {spot} this morning. {n} minutes, perfect light, no camera. Naturally.",
        "The {thing} is back {spot}! Earlier than last year by {n} days.",
        "Every time I forget, I learn it again: {find}.",
        "Counted {n} from the kitchen window, and then the {thing} came over as if to make a point.",
        "Walked {n} kilometres for the {thing} and found it {spot}, next to where I had parked.",
        "Showed my daughter the {thing} through the scope. She said it looked cross. It did.",
        "Does anybody know where the {thing} goes after the reeds are cut?",
        "Heard the {thing} {spot} at half past four. Worth the alarm clock.",
        "The old warden says {find}. He has never been wrong.",
    ],
    replies: &[
        "The {thing} was there yesterday as well, a bit further up.",
        "I have been looking for the {thing} for years. Well done!",
        "Was the {thing} calling?",
        "Exactly: {find}.",
        "No camera is the guarantee for a good view.",
        "I will go and look for the {thing} tomorrow before work.",
        "Please put the {thing} into the county list.",
    ],
    groups: &["Dawn patrol", "Gravel pit regulars"],
};

pub(super) static SKY: Topic = Topic {
    name: "astronomy",
    bios: &[
        "Eight inches of mirror and a thermos.",
        "Cloud cover expert, unwillingly.",
        "I stay up for old light.",
        "Sketching craters since the eclipse.",
    ],
    things: &[
        "double cluster", "Milky Way", "Orion nebula", "crescent moon", "red spot on Jupiter", "Andromeda galaxy",
        "ring nebula", "meteor shower", "sunspot group", "space station",
    ],
    spots: &[
        "from the roof", "out past the last street lamp", "from the school field", "between two clouds",
        "at the dark-sky site", "from the kitchen window",
    ],
    finds: &[
        "letting the telescope cool down matters more than the eyepiece",
        "your eyes need twenty minutes and one glance at a phone ruins it",
        "the darkest night is the one before the rain",
        "a cheap pair of binoculars shows more than a shaky telescope",
        "looking slightly past it is how you see it",
        "the sky rewards those who dress too warmly",
    ],
    posts: &[
        "Found the {thing} {spot} with nothing but binoculars. {n} minutes of looking, years of grinning.",
        "The {thing} tonight, {spot}. Steady air for once.",
        "What I tell every beginner: {find}.",
        "Drove {n} kilometres to see the {thing}. Clouds. Drove back. Stars. Of course.",
        "Showed the {thing} to {n} strangers on the pavement. Every one of them said 'is that real?'",
        "Sketched the {thing} {spot} at two in the morning. My hands are only now getting warm.",
        "Is it me or is the {thing} unusually bright this week?",
        "Nothing prepares you for seeing the {thing} with your own eye, however many pictures you have seen.",
        "Second night in a row with the {thing}. Noted: {find}.",
    ],
    replies: &[
        "What magnification did you use for the {thing}?",
        "Clouds here. Please look at the {thing} twice, once for me.",
        "The {thing} was the first thing I ever found on my own.",
        "Yes! {find}.",
        "'Is that real' never gets old.",
        "How dark is it there? Can you see the {thing} without help?",
        "I would love to see that sketch.",
    ],
    groups: &["Clear skies", "Pavement astronomers"],
};

pub(super) static HIKING: Topic = Topic {
    name: "hiking",
    bios: &[
        "Slow walker, long distances.",
        "I know every bench on the ridge.",
        "Maps on the wall, mud on the boots.",
        "Collecting huts, not summits.",
    ],
    things: &[
        "ridge path", "old pilgrim road", "north face", "hut with the blue door", "river crossing",
        "summit register", "forest track", "last bus", "beech wood", "high pasture",
    ],
    spots: &[
        "above the tree line", "in the rain", "with my uncle's old map", "before breakfast", "at the saddle",
        "on the long way round",
    ],
    finds: &[
        "the second pair of socks is the one that matters",
        "turning back is a skill",
        "an early start forgives every other mistake",
        "the map is right and the shortcut is not",
        "nobody regrets carrying the cake",
        "the descent is where the day is decided",
    ],
    posts: &[
        "Took the {thing} {spot} today. {n} hours, two herons, no people.",
        "The {thing} is open again! Walked it {spot} and had it to myself.",
        "Rule number one, and I keep forgetting it: {find}.",
        "Missed the {thing} by {n} minutes and walked home along the river. Best part of the day.",
        "Fog on the {thing}, so thick that I said hello to a cow.",
        "Who wants to do the {thing} next weekend? About {n} hours, soup at the end.",
        "My boots gave up on the {thing} after {n} years. A moment of silence, please.",
        "Slept {spot} and woke up above the clouds. I have no better words for it.",
        "Met a woman of eighty on the {thing}. Her advice: {find}.",
    ],
    replies: &[
        "Is there still snow on the {thing}?",
        "I did the {thing} last autumn, the light there is unreal.",
        "Count me in for the {thing}, I will bring the soup.",
        "My knees say the same: {find}.",
        "How busy is the {thing} on a Sunday?",
        "The cow must have been as surprised as you.",
        "Adding the {thing} to the list right now.",
    ],
    groups: &["Long way round", "Hut weekend"],
};
