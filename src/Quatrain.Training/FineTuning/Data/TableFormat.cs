namespace Quatrain.Training.FineTuning.Data;

/// <summary>How a file holds rows of texts.</summary>
public enum TableFormat
{
    /// <summary>Comma-separated values (RFC 4180); semicolons, tabs and bars are found too. Fields in quotes may hold separators and line breaks.</summary>
    Csv,

    /// <summary>Tab-separated values. Quotes are text, unless all the quotes of the file stand where RFC 4180 wants them.</summary>
    Tsv,

    /// <summary>A JSON object a line.</summary>
    JsonLines,
}
