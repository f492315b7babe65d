using M2UGen.Parity;

return await ParityCommand.RunAsync(args).ConfigureAwait(false);
