namespace Quatrain.Training.FineTuning.Data;

/// <summary>A text and what it is.</summary>
/// <param name="Text">The text as it is in the file.</param>
/// <param name="Label">The name of its class, without white space around it.</param>
/// <param name="Line">The line of the file on which its row begins, from 1.</param>
public sealed record LabeledText(string Text, string Label, long Line);
