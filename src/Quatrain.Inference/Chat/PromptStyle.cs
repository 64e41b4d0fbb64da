namespace Quatrain.Inference.Chat;

/// <summary>How a conversation is written down for a model that only continues text: what stands before and after each turn.</summary>
/// <remarks>
/// All of it is plain text to the tokenizer, and so is what users write: nothing in a text ever becomes a special token. A reply ends with the tokenizer's
/// end-of-text token where it has one, and with <see cref="StopText"/> where it has none or the style says so.
/// </remarks>
public sealed class PromptStyle
{
    private PromptStyle(string name) => Name = name;

    /// <summary>
    /// Stanford Alpaca's, in the wording of Raschka, "Build a Large Language Model (From Scratch)", chapter 7: the same introduction with and without an input.
    /// It has no system text, and a prompt holds one instruction: of a conversation, the last.
    /// </summary>
    public static PromptStyle Alpaca { get; } = new("alpaca")
    {
        UserBegin = "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\n",
        InputBegin = "\n\n### Input:\n",
        UserEnd = "\n\n### Response:\n",
        StopText = "\n\n### Instruction:",
    };

    /// <summary>The marks of Microsoft's Phi-3, as text; shorter than <see cref="Alpaca"/>, with history and a system text.</summary>
    public static PromptStyle Phi3 { get; } = new("phi3")
    {
        HasHistory = true,
        SystemBegin = "<|system|>\n",
        SystemEnd = "\n",
        UserBegin = "<|user|>\n",
        UserEnd = "\n<|assistant|>\n",
        Between = "\n",
        StopText = "\n<|user|>",
    };

    /// <summary>ChatML, as text, with history and a system text; a reply always ends with <c>&lt;|im_end|&gt;</c>.</summary>
    public static PromptStyle ChatMl { get; } = new("chatml")
    {
        HasHistory = true,
        SystemBegin = "<|im_start|>system\n",
        SystemEnd = "<|im_end|>\n",
        UserBegin = "<|im_start|>user\n",
        UserEnd = "<|im_end|>\n<|im_start|>assistant\n",
        Between = "<|im_end|>\n",
        StopText = "<|im_end|>",
        AlwaysEndsWithText = true,
    };

    /// <summary>Names and blank lines, with history and a system text; it can be written with few characters.</summary>
    public static PromptStyle Plain { get; } = new("plain")
    {
        HasHistory = true,
        SystemEnd = "\n\n",
        UserBegin = "User:\n",
        UserEnd = "\n\nAssistant:\n",
        Between = "\n\n",
        StopText = "\n\nUser:",
    };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<PromptStyle> All { get; } = [Alpaca, Phi3, ChatMl, Plain];

    /// <summary>The name, as <c>--style</c> and <c>chat.json</c> have it.</summary>
    public string Name { get; }

    /// <summary>Whether a prompt holds the turns before the last. Where not, only the user's last turn is sent.</summary>
    public bool HasHistory { get; private init; }

    /// <summary>Whether there is a place for a system text.</summary>
    public bool HasSystem => SystemEnd.Length > 0;

    /// <summary>What a model that goes on after its reply would write next; it ends a reply. Where there is history, the turn after a reply begins with it.</summary>
    public string StopText { get; private init; } = "";

    /// <summary>Whether a reply ends with <see cref="StopText"/> even where the tokenizer has a token for the end of a text.</summary>
    public bool AlwaysEndsWithText { get; private init; }

    private string SystemBegin { get; init; } = "";

    private string SystemEnd { get; init; } = "";

    private string UserBegin { get; init; } = "";

    private string InputBegin { get; init; } = "\n";

    private string UserEnd { get; init; } = "";

    private string Between { get; init; } = "";

    /// <summary>The style called <paramref name="name"/>.</summary>
    /// <exception cref="InvalidDataException">There is none; the message lists them.</exception>
    public static PromptStyle Named(string name) => All.FirstOrDefault(style => style.Name == name)
        ?? throw new InvalidDataException($"There is no prompt style '{name}'; there are {string.Join(", ", All.Select(style => style.Name))}.");

    /// <summary>The text of a system turn.</summary>
    internal string System(string text) => SystemBegin + text + SystemEnd;

    /// <summary>The text of a user's turn, from the end of the reply before it, where there is one, to the place where the reply to it begins.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="afterStopText">Whether <see cref="StopText"/> was written before it: it is the beginning of what stands between two turns.</param>
    /// <param name="isFirst">Whether no reply is before it.</param>
    internal string User(ChatTurn turn, bool isFirst, bool afterStopText)
    {
        string begin = isFirst ? UserBegin : (Between + UserBegin)[(afterStopText ? StopText.Length : 0)..];
        return begin + turn.Text + (turn.Input.Length > 0 ? InputBegin + turn.Input : "") + UserEnd;
    }
}
