using M2UGen.Cli;

// Ctrl-C and a polite kill stop the work within one step of a model; a second Ctrl-C ends the process at once.
using ConsoleSignals signals = new();
return await CommandLine.RunAsync(args, Console.In, Console.Out, Console.Error, signals.Token);
