using System.Text;

namespace Quatrain.Models.Tests.Checkpoints;

/// <summary>Binary content written as text: a character is a byte.</summary>
internal static class Latin1Text
{
    public static byte[] Latin1Bytes(this string text) => Encoding.Latin1.GetBytes(text);
}
