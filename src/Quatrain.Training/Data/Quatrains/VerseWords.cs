namespace Quatrain.Training.Data.Quatrains;

/// <summary>The words of the built-in grammar but for the rhymes; a pair is singular|plural.</summary>
internal static class VerseWords
{
    /// <summary>People told of as "she".</summary>
    public static string[] Women { get; } =
        ["baker", "doctor", "farmer", "singer", "widow", "sister", "girl", "pilot", "mother", "dancer"];

    /// <summary>People told of as "he".</summary>
    public static string[] Men { get; } =
        ["miller", "tailor", "sailor", "weaver", "boy", "cook", "monk", "piper", "father", "porter"];

    /// <summary>People told of as "they".</summary>
    public static string[] Crowds { get; } =
        ["bakers", "girls", "pilots", "widows", "boys", "cooks", "monks", "pipers", "twins", "miners"];

    public static string[] WomensShortNames { get; } = ["Ann", "Ida", "Sue", "Meg"];

    public static string[] MensShortNames { get; } = ["Tom", "Sam", "Hal", "Abe"];

    public static string[] WomensLongNames { get; } = ["Alice", "Clara", "Sarah", "Wanda"];

    public static string[] MensLongNames { get; } = ["Oscar", "Simon", "Caleb", "Henry"];

    public static string[] NameAdjectives { get; } = ["Old", "Tall", "Shy", "Wise", "Meek", "Wild"];

    /// <summary>What people do by themselves.</summary>
    public static string[] Acts { get; } =
        ["walks|walk", "rides|ride", "waits|wait", "rests|rest", "sings|sing", "works|work", "camps|camp", "reads|read", "hides|hide", "talks|talk", "plays|play", "knits|knit"];

    /// <summary>What they are doing.</summary>
    public static string[] OngoingActs { get; } =
        ["walking", "riding", "waiting", "resting", "singing", "working", "camping", "reading", "hiding", "talking", "playing"];

    /// <summary>What they would do.</summary>
    public static string[] Wishes { get; } =
        ["walk", "ride", "wait", "rest", "sing", "work", "camp", "read", "hide", "talk", "play", "knit"];

    public static string[] WishVerbs { get; } = ["hopes|hope", "wants|want", "means|mean", "likes|like"];

    /// <summary>How people feel.</summary>
    public static string[] Moods { get; } =
        ["happy", "tired", "merry", "hungry", "sleepy", "lonely", "gentle", "clever"];

    /// <summary>How people are in spite of the weather, or because of it.</summary>
    public static string[] Comforts { get; } =
        ["glad", "warm", "safe", "calm", "cold"];

    /// <summary>What people do with things.</summary>
    public static (int Weight, string[] Verbs, string[] Objects)[] Errands { get; } =
    [
        (5,
            ["brings|bring", "sells|sell", "buys|buy", "takes|take", "finds|find", "needs|need", "packs|pack", "picks|pick"],
            ["bread", "milk", "eggs", "salt", "wool", "plums", "figs", "fish", "corn", "beans", "silk", "rope", "wood", "honey", "seeds", "roses"]),
        (3,
            ["feeds|feed", "herds|herd", "leads|lead", "tends|tend"],
            ["ducks", "goats", "sheep", "mules", "geese", "lambs", "cows", "ponies"]),
        (3,
            ["mends|mend", "paints|paint", "cleans|clean", "makes|make"],
            ["nets", "boots", "boats", "hats", "pots", "coats", "carts", "drums", "tents", "toys"]),
        (1,
            ["hums|hum", "plays|play", "hears|hear", "knows|know"],
            ["a song", "a hymn", "a reel", "an air"]),
    ];

    /// <summary>What people do with things worth a second word.</summary>
    public static (string[] Verbs, string[] Adjectives, string[] Objects) Treasures { get; } =
    (
        ["owns|own", "buys|buy", "sees|see", "gets|get"],
        ["two", "ten", "old", "new", "red", "big"],
        ["hats", "caps", "toys", "cups", "pots", "bags", "maps", "rugs"]
    );

    /// <summary>What weather and small creatures do, and how they may be.</summary>
    public static (string[] Adjectives, string[] One, string[] Many, string[] Verbs)[] Weathers { get; } =
    [
        (["Cold", "Soft", "Slow"], ["rain", "snow", "sleet", "hail"], ["leaves", "petals"],
            ["falls|fall", "lands|land", "drops|drop"]),
        (["Thin", "Thick", "Cool", "White"], ["fog", "mist", "smoke", "steam"], ["clouds"],
            ["hangs|hang", "rolls|roll", "rises|rise"]),
        (["Cold", "Warm", "Wild", "Sharp"], ["wind"], ["winds", "gusts", "gales"],
            ["blows|blow", "sings|sing", "sighs|sigh"]),
        (["Soft", "Warm", "Small"], ["light"], ["lamps", "fires", "stars"], ["glows|glow", "burns|burn", "fades|fade"]),
        (["Shy", "Small", "Wild", "Tame"], [], ["birds", "frogs", "doves", "owls", "larks", "gulls"],
            ["call", "sing", "cry", "hide", "rest"]),
    ];

    /// <summary>How all may be.</summary>
    public static string[] Airs { get; } =
        ["calm", "cold", "warm", "mild", "dark", "cool", "damp"];
}
