using MessageFilter;

try
{
    await using WebApplication app = FilterApp.Build(args);
    await app.RunAsync();
    return 0;
}
catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
{
    // Something that whoever starts the app can put right: a sentence, not a stack trace.
    await Console.Error.WriteLineAsync(e.Message);
    return 2;
}
