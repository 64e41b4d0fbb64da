using BenchmarkDotNet.Running;
using Quatrain.Benchmarks.Products;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Benchmarks.Tokenizers;

if (args is ["products", ..])
{
    return ProductsCommand.Create().Parse(args[1..]).Invoke();
}

if (args is ["tokenizer", ..])
{
    return TokenizerCommand.Create().Parse(args[1..]).Invoke();
}

BenchmarkSwitcher.FromAssembly(typeof(BenchmarkSettings).Assembly).Run(args, new BenchmarkSettings());
return 0;
