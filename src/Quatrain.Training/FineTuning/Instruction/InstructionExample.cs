namespace Quatrain.Training.FineTuning.Instruction;

/// <summary>An entry as a model is trained on it.</summary>
/// <param name="Ids">The tokens that the model sees, at most its context length.</param>
/// <param name="Targets">For each of them the token that follows, or <see cref="Tensors.Ops.CrossEntropyOp.IgnoreIndex"/> where it is not scored.</param>
public sealed record InstructionExample(int[] Ids, int[] Targets);
