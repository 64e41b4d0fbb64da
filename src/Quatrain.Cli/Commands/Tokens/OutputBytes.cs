using System.Text;
using Quatrain.Models.Checkpoints;

namespace Quatrain.Cli.Commands.Tokens;

/// <summary>Where a command writes bytes: a file, which appears when it is whole, or standard output.</summary>
internal static class OutputBytes
{
    private const int BufferSize = 1 << 16;

    /// <summary>Hands <paramref name="write"/> a stream to <paramref name="path"/>, or to <paramref name="output"/> where there is none.</summary>
    public static void Write(string? path, TextWriter output, Action<Stream> write)
    {
        if (path is not null)
        {
            AtomicFile.Write(path, write);
            return;
        }

        // Text writers change what is no text.
        BufferedStream stream = new(ReferenceEquals(output, Console.Out) ? Console.OpenStandardOutput() : new WriterStream(output), BufferSize);
        write(stream);
        // Not disposed of, which would write what is left after a failure too.
        stream.Flush();
    }

    /// <summary>Bytes of UTF-8 on their way to a writer of text, for callers that are no process.</summary>
    private sealed class WriterStream(TextWriter writer) : Stream
    {
        private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            char[] text = new char[_decoder.GetCharCount(buffer, flush: false)];
            writer.Write(text, 0, _decoder.GetChars(buffer, text, flush: false));
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
