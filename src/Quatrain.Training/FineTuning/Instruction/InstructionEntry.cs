using Quatrain.Inference.Chat;

namespace Quatrain.Training.FineTuning.Instruction;

/// <summary>An instruction with its answer, or a conversation of several.</summary>
/// <param name="Where">For messages, such as "Entry 3 of 'data.json'".</param>
/// <param name="Turns">A system turn or none, then user and assistant by turns; the assistant's is the last. No text is blank.</param>
public sealed record InstructionEntry(string Where, IReadOnlyList<ChatTurn> Turns);
