using System.Text;
using Quatrain.Cli.Hosting;

// Text is UTF-8 whatever the locale or the console's code page.
Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
return await CommandHost.RunAsync(args, Console.Out, Console.Error);
