using System.Text;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Inference;
using Quatrain.Inference.Chat;

namespace Quatrain.Cli.Commands;

/// <summary>Reads messages, a line each, and writes replies as they come.</summary>
/// <param name="session">The conversation.</param>
/// <param name="options">How replies are drawn; the first has the seed itself, the others seeds derived from it.</param>
/// <param name="output">Where replies go.</param>
/// <param name="error">Where messages about them go.</param>
/// <param name="interruption">What Ctrl-C does.</param>
internal sealed class ChatLoop(ChatSession session, GenerationOptions options, TextWriter output, TextWriter error, ChatInterruption interruption)
{
    public const string ResetCommand = "/reset";
    public const string ExitCommand = "/exit";

    private int _replies;

    /// <summary>Whether to write a JSON object a reply.</summary>
    public bool Json { get; init; }

    /// <summary>Whether a person writes the messages: then a message that can't be used does not end the conversation.</summary>
    public bool IsTerminal { get; init; }

    /// <summary>Goes on to the end of <paramref name="input"/>, the exit command or an interruption between replies.</summary>
    /// <exception cref="InvalidDataException">A message can't be used, and no person is there to write another.</exception>
    public void Run(TextReader input)
    {
        for (int number = 1; NextLine(input, number) is { } line; number++)
        {
            string message = line.Trim();
            if (message == ExitCommand)
            {
                return;
            }

            if (message == ResetCommand)
            {
                session.Reset();
                Say("What was said is forgotten.");
            }
            else if (IsTerminal && message.StartsWith('/') && !message.Contains(' ', StringComparison.Ordinal))
            {
                Say($"There is no command {TrainingDisplay.Printable(message)}; there are {ResetCommand} and {ExitCommand}.");
            }
            else if (message.Length > 0)
            {
                Reply(line, number);
            }
        }
    }

    private void Reply(string message, int number)
    {
        GenerationOptions own = options.ForSample(_replies++);
        try
        {
            ChatReply reply = interruption.WhileReplying(token => session.Reply(message, own, Json ? null : Show, token));
            Write(reply, own.Seed);
        }
        catch (InvalidDataException e) when (IsTerminal)
        {
            Say(e.Message);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"Line {number} of standard input can't be used: {e.Message}", e);
        }
    }

    private void Show(string piece)
    {
        output.Write(TrainingDisplay.Printable(piece));
        output.Flush();
    }

    private void Write(ChatReply reply, ulong seed)
    {
        if (Json)
        {
            JsonOutput.WriteLine(output, writer =>
            {
                writer.WriteString("text", reply.Text);
                writer.WriteString("finish_reason", GenerationOutput.Name(reply.FinishReason));
                writer.WriteNumber("prompt_tokens", reply.PromptTokens);
                writer.WriteNumber("cached_tokens", reply.CachedTokens);
                writer.WriteNumber("tokens", reply.Tokens);
                writer.WriteNumber("dropped_turns", reply.DroppedTurns);
                writer.WriteNumberOrNull("tokens_per_second", reply.TokensPerSecond);
                writer.WriteNumber("seed", seed);
            });
        }
        else
        {
            output.WriteLine();
        }

        output.Flush();
        if (reply.DroppedTurns > 0 && session.HasHistory)
        {
            Say($"The context is full: the oldest {reply.DroppedTurns} turns were not sent; {ResetCommand} begins anew.");
        }

        if (reply.FinishReason == FinishReason.Cancelled)
        {
            Say("The reply was stopped.");
        }
    }

    private void Say(string sentence) => error.WriteLine($"({CommandHost.OneLine(sentence)})");

    /// <summary>The next line, or null at the end or when the wait for it is interrupted.</summary>
    private string? NextLine(TextReader input, int number)
    {
        if (IsTerminal)
        {
            output.Write("> ");
            output.Flush();
        }

        return interruption.Wait(() =>
        {
            StringBuilder line = new();
            return PromptFile.ReadLine(input, line, $"Line {number} of standard input") ? line.ToString() : null;
        });
    }
}
