using M2UGen.Sdk.Diagnostics;
using M2UGen.Sdk.Pipeline.Memory;
using Microsoft.Extensions.Logging;

namespace M2UGen.Sdk.Pipeline;

/// <summary>Refuses what a pipeline cannot do, and starts what it can.</summary>
/// <remarks>Thread-safe: whatever belongs to a request lives in its <see cref="RequestRun"/>.</remarks>
internal sealed class RequestRunner(PipelineParts parts, PipelineOptions options, ILogger logger)
{
    /// <summary>Refuses what cannot be done, before any work.</summary>
    /// <exception cref="ArgumentException">An option is out of its range, the prompt is empty, or the music decoder cannot make such a length.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle lacks the part that the request needs, or that part cannot do what is asked.</exception>
    /// <exception cref="MemoryBudgetException">It does not fit the memory budget.</exception>
    /// <param name="request">The request.</param>
    /// <param name="together">Requests whose music is made in one call.</param>
    public void Check(M2UGenRequest request, int together = 1)
    {
        OptionsCheck check = new();
        request.Generation.Check(check);
        request.Music.Check(check);
        request.Knn?.Check(check);
        check.ThrowIfAny();

        bool soundIsEnough = parts.Language is null && (request.AudioPrompt is not null || request.Melody is not null);
        if (string.IsNullOrWhiteSpace(request.Prompt) && !soundIsEnough)
        {
            throw new ArgumentException("The prompt is empty. Ask a question or describe the music.", nameof(request));
        }

        string family = parts.Identity.Family;
        if (request.Goal == RequestGoal.Answer && parts.Language is null)
        {
            throw new UnsupportedCapabilityException("text answers", $"A bundle of family '{family}' has no language model, so it cannot answer. Use a bundle exported from an M2UGen checkpoint, or ask this one for music.");
        }

        if (request.Goal == RequestGoal.Music && parts.Music is null)
        {
            throw new UnsupportedCapabilityException("music", NoMusic(family));
        }

        if (request.Music.Conditioning != MusicConditioningMode.Caption && request.Goal != RequestGoal.Answer && parts.Music is not null && parts.Project is null)
        {
            throw new UnsupportedCapabilityException("embedding conditioning", $"A bundle of family '{family}' has no language model with an output projector, so music can follow captions only. Set {nameof(MusicOptions)}.{nameof(MusicOptions.Conditioning)} to {nameof(MusicConditioningMode.Caption)}.");
        }

        MediaCheck.ThrowIfImpossible(request, parts);

        // A length that follows from a medium is known only when that is decoded; RequestRun asks then.
        if (MusicLength.IsKnown(request))
        {
            CheckMusic(parts, request, request.Music, FidelityOf(request));
        }

        if (options.MemoryBudget is not null)
        {
            PlanMemory(request, together);
        }
    }

    /// <summary>Plans what a request takes of memory, its media not read yet.</summary>
    /// <returns>Null where the pipeline was made of parts that no bundle describes.</returns>
    /// <exception cref="MemoryBudgetException">It does not fit the budget.</exception>
    public MemoryPlan? PlanMemory(M2UGenRequest request, int together = 1)
    {
        MusicOptions? music = request.Goal == RequestGoal.Answer ? null : request.Music;
        MemoryDemand demand = RequestDemand.Of(request, null, music, parts, options, FidelityOf(request)) with { Pieces = Pieces(together) };
        return parts.Planner?.Plan(demand, options.Memory, options.MemoryBudget, parts.Models?.Loaded ?? []);
    }

    /// <summary>Settles what belongs to this one run: seeds and habits.</summary>
    /// <param name="request">The request.</param>
    /// <param name="together">Requests whose music is made in one call.</param>
    public RequestRun Start(M2UGenRequest request, int together = 1)
    {
        (ulong seed, ulong musicSeed) = Seeds.Of(request.Generation.Seed, request.Music.Seed);
        Log.RequestStarted(logger, seed, musicSeed);
        Log.Prompt(logger, request.Prompt);
        return new RequestRun(parts, options, logger, request, FidelityOf(request), seed, musicSeed) { Together = Pieces(together) };
    }

    /// <summary>Settles what belongs to this one run of several requests.</summary>
    public BatchRun Start(IReadOnlyList<M2UGenRequest> requests) => new(parts, logger, [.. requests.Select(request => Start(request, requests.Count))]);

    /// <summary>Asks the music decoder where music is certain: a request that the model may answer with text alone must not fail for a piece that nobody makes.</summary>
    /// <exception cref="ArgumentException">The decoder cannot make such a length.</exception>
    /// <exception cref="UnsupportedCapabilityException">The decoder cannot do what is asked.</exception>
    internal static void CheckMusic(PipelineParts parts, M2UGenRequest request, MusicOptions music, Fidelity fidelity)
    {
        if ((request.Goal == RequestGoal.Music || (request.Goal == RequestGoal.Either && parts.Language is null)) && parts.Music is { } decoder)
        {
            decoder.Check(MusicOf(request, parts.Language is null ? request.Prompt : null, embedding: null, music, fidelity));
        }
    }

    /// <summary>What the music decoder is asked for.</summary>
    internal static MusicDecoderRequest MusicOf(M2UGenRequest request, string? caption, ReadOnlyMemory<float>? embedding, MusicOptions music, Fidelity fidelity) => new()
    {
        Conditioning = new MusicConditioning { Caption = caption, Embedding = embedding, AudioPrompt = request.AudioPrompt, Melody = request.Melody },
        Options = music,
        Fidelity = fidelity,
    };

    private int Pieces(int together) => Math.Min(together, options.MusicBatchSize);

    private Fidelity FidelityOf(M2UGenRequest request) => request.Fidelity ?? options.Fidelity;

    private static string NoMusic(string family) =>
        $"A bundle of family '{family}' has no music decoder. Export it with the music decoder's directory (--music_decoder_path), or give the pipeline a decoder with UseMusicDecoder.";
}
