using M2UGen.Sdk;
using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.TinyModel.Tests.Music;

/// <summary>Seeds, conditioning, prompts, cancellation and overlap, on real graphs.</summary>
public sealed class MusicGenDecoderTests(TinyMusic music) : IClassFixture<TinyMusic>
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(0.6);

    [Fact]
    public void Generate_SameSeed_GivesTheSameSamples()
    {
        MusicDecoding first = Sampled(7);

        Assert.Equal(first.Audio.Samples.ToArray(), Sampled(7).Audio.Samples.ToArray());
        Assert.Equal(7UL, first.Seed);
        Assert.NotEqual(first.Codes![0], Sampled(8).Codes![0]);
    }

    [Fact]
    public void Generate_WithoutSeed_ReportsTheOneItTook()
    {
        MusicDecoding first = Sampled(null);

        Assert.Equal(first.Codes, Sampled(first.Seed).Codes);
    }

    [Fact]
    public void Generate_PaddedCaption_GivesTheSameCodesWhereTheMaskHidesPadding()
    {
        MusicDecoderRequest request = TinyMusic.Greedy("a lullaby on a music box", Short);

        MusicDecoding own = music.Mono.Generate(request, new RecordingSink(), CancellationToken.None);
        MusicDecoding padded = music.Mono.Generate(request with { Fidelity = Fidelity.Improved with { PadCaption = true } }, new RecordingSink(), CancellationToken.None);

        Assert.Equal(own.Codes, padded.Codes);
    }

    [Fact]
    public void Generate_EmbeddingOfTheCaption_GivesTheCaptionsCodes()
    {
        const string Caption = "church organ hymn";
        ConditioningRows states = music.Mono.Text.Encode(Caption, null, CancellationToken.None);
        MusicDecoderRequest caption = TinyMusic.Greedy(Caption, Short);
        MusicDecoderRequest embedding = With(caption, states.States, MusicConditioningMode.Embedding);

        Assert.Equal(Codes(music.Mono, caption), Codes(music.Mono, embedding));
    }

    [Fact]
    public void Generate_EmbeddingMaskedByCaption_IgnoresWhatLiesBehind()
    {
        const string Caption = "church organ hymn";
        ConditioningRows states = music.Mono.Text.Encode(Caption, null, CancellationToken.None);
        float[] longer = [.. states.States, .. Enumerable.Repeat(1f, 5 * states.Width)];
        MusicDecoderRequest visible = With(TinyMusic.Greedy(Caption, Short), longer, MusicConditioningMode.Embedding);
        MusicDecoderRequest masked = visible with { Options = visible.Options with { MaskEmbeddingByCaption = true } };

        Assert.Equal(Codes(music.Mono, TinyMusic.Greedy(Caption, Short)), Codes(music.Mono, masked));
        Assert.NotEqual(Codes(music.Mono, visible), Codes(music.Mono, masked));
    }

    [Fact]
    public void Generate_Both_AttendsToCaptionAndEmbedding()
    {
        const string Caption = "techno";
        ConditioningRows other = music.Mono.Text.Encode("a sad flute", null, CancellationToken.None);
        MusicDecoderRequest caption = TinyMusic.Greedy(Caption, Short);
        string both = Codes(music.Mono, With(caption, other.States, MusicConditioningMode.Both));

        Assert.NotEqual(Codes(music.Mono, caption), both);
        Assert.NotEqual(Codes(music.Mono, With(caption, other.States, MusicConditioningMode.Embedding)), both);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Generate_AudioPrompt_ComesFirstAtAnyRate(int channels)
    {
        AudioClip prompt = Tone(44100, channels, 0.31);
        MusicDecoderRequest request = TinyMusic.Greedy("strings", TimeSpan.FromSeconds(1));
        request = request with { Conditioning = request.Conditioning with { AudioPrompt = prompt } };

        MusicDecoding result = music.Stereo.Generate(request, new RecordingSink(), CancellationToken.None);

        AudioPrompts prepared = music.Stereo.Prompts.Pad([music.Stereo.Prompts.Prepare(prompt)]);
        CodeFrames codes = music.Stereo.Encoder!.Encode(prepared.Values, 2, prepared.SampleCount, CancellationToken.None);
        Assert.Equal(16, codes.Count);
        for (int row = 0; row < codes.Rows; row++)
        {
            Assert.Equal(codes.Row(row, 0, codes.Count).ToArray(), result.Codes![row].Take(codes.Count).Select(code => (long)code));
        }

        Assert.Equal(music.Stereo.SampleRate, result.Audio.SampleCount);
    }

    [Fact]
    public void Generate_AudioPromptAsLongAsTheMusic_IsRefused()
    {
        MusicDecoderRequest request = TinyMusic.Greedy("strings", Short);
        request = request with { Conditioning = request.Conditioning with { AudioPrompt = Tone(32000, 1, 1) } };

        ArgumentException error = Assert.Throws<ArgumentException>(() => music.Mono.Generate(request, new RecordingSink(), CancellationToken.None));

        Assert.Contains("prompt", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(32000, 1)]
    [InlineData(44100, 2)]
    [InlineData(11025, 1)]
    public void SampleCountOf_AnyRate_IsWhatResamplingGives(int rate, int channels)
    {
        AudioClip prompt = Tone(rate, channels, 0.317);
        Assert.All(music.Stereo.Prompts.Prepare(prompt), plane => Assert.Equal(music.Stereo.Prompts.SampleCountOf(prompt), plane.Length));
    }

    [Fact]
    public void Check_WithoutACaption_RefusesWhatGenerateWouldRefuseLater()
    {
        MusicDecoderRequest request = new() { Conditioning = new MusicConditioning(), Options = new MusicOptions { Duration = Short } };
        music.Mono.Check(request);
        music.Melody.Check(request with { Conditioning = new MusicConditioning { Melody = Tone(22050, 2, 1) } });
        Assert.Throws<UnsupportedCapabilityException>(() => music.Mono.Check(request with { Conditioning = new MusicConditioning { Melody = Tone(22050, 2, 1) } }));
        Assert.Throws<ArgumentException>(() => music.Mono.Check(request with { Conditioning = new MusicConditioning { AudioPrompt = Tone(44100, 1, 1) } }));
        Assert.Throws<ArgumentException>(() => music.Mono.Check(request with { Conditioning = new MusicConditioning { AudioPrompt = AudioClip.FromSamples([float.NaN], 44100) } }));
        Assert.Throws<ArgumentException>(() => music.Melody.Check(request with { Conditioning = new MusicConditioning { Melody = AudioClip.FromSamples([], 44100) } }));
        Assert.Throws<ArgumentException>(() => music.Mono.Check(request with { Options = new MusicOptions { Duration = TimeSpan.FromHours(1) }, Fidelity = Fidelity.Reference }));
    }

    [Fact]
    public void Generate_Melody_ChangesTheMusicOfAMelodyModelOnly()
    {
        MusicDecoderRequest plain = TinyMusic.Greedy("jazz", Short);
        MusicDecoderRequest withMelody = plain with { Conditioning = plain.Conditioning with { Melody = Tone(22050, 2, 1) } };

        Assert.NotEqual(Codes(music.Melody, plain), Codes(music.Melody, withMelody));
        Assert.Equal("melody", Assert.Throws<UnsupportedCapabilityException>(() => Codes(music.Mono, withMelody)).Capability);
    }

    [Fact]
    public void Generate_AudioPromptForAMelodyModel_IsRefusedByName()
    {
        MusicDecoderRequest request = TinyMusic.Greedy("jazz", Short);
        request = request with { Conditioning = request.Conditioning with { AudioPrompt = Tone(32000, 1, 0.2) } };

        Assert.Equal("audio prompt", Assert.Throws<UnsupportedCapabilityException>(() => Codes(music.Melody, request)).Capability);
    }

    [Theory]
    [InlineData("mono")]
    [InlineData("stereo")]
    [InlineData("melody")]
    public void Step_AfterTheFirst_AllocatesNothing(string model)
    {
        MusicGenDecoder decoder = music[model];
        MusicGenConfig config = decoder.Config;
        ConditioningRows rows = decoder.Text.Encode("lo-fi", null, CancellationToken.None);
        float[] chroma = config.Chroma is { } melody ? ChromaFeatures.None(melody.ChromaLength, melody.ChromaCount) : [];
        using MusicGenCondition condition = decoder.CreateCondition(rows, chroma, guided: true, CancellationToken.None);
        using MusicGenSequence sequence = decoder.CreateSequence(condition, 64);
        CodeFrames frames = new(config.Codebooks, 64);
        CodebookGenerator generator = new(sequence, config, frames, CodeChooser.Create(config, new MusicOptions { Sample = true, TopK = 20, TopP = 0.9 }, 1, frames.Rows), 3);
        using CancellationTokenSource source = new();
        generator.Begin(new MusicGenWindow(0, 0, 60));
        for (int i = 0; i < 8; i++)
        {
            generator.Step(source.Token);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 40; i++)
        {
            generator.Step(source.Token);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Generate_Cancelled_StopsWithTheTokenAndLeavesTheDecoderUsable()
    {
        using CancellationTokenSource source = new();
        int touched = 0;
        RecordingSink sink = new()
        {
            Touched = () =>
            {
                if (++touched == 3)
                {
                    source.Cancel();
                }
            },
        };

        OperationCanceledException error = Assert.ThrowsAny<OperationCanceledException>(
            () => music.Mono.Generate(TinyMusic.Greedy("march", TimeSpan.FromMinutes(5)), sink, source.Token));

        Assert.Equal(source.Token, error.CancellationToken);

        // A piece of sound and the progress it makes are one event: at most the second half of it still comes.
        Assert.InRange(touched, 3, 4);
        Assert.NotEmpty(Codes(music.Mono, TinyMusic.Greedy("march", Short)));
    }

    [Fact]
    public async Task Generate_OverlappingCalls_DoNotDisturbEachOther()
    {
        ulong[] seeds = [1, 2, 3, 4];
        string[] alone = [.. seeds.Select(seed => Codes(Sampled(seed)))];

        string[] together = await Task.WhenAll(seeds.Select(seed => Task.Run(() => Codes(Sampled(seed)))));

        Assert.Equal(alone, together);
    }

    [Fact]
    public void FillCodes_BatchOfTwo_GivesEachPieceItsOwnCodes()
    {
        MusicGenDecoder decoder = music.Mono;
        MusicGenConfig config = decoder.Config;
        string[] captions = ["a slow brass march", "fast drums"];
        ConditioningRows[] own = [.. captions.Select(caption => decoder.Text.Encode(caption, 24, CancellationToken.None))];
        ConditioningRows both = new([.. own.SelectMany(o => o.States)], [.. own.SelectMany(o => o.Mask)], 2, 24, config.TextWidth);
        MusicGenPlan plan = MusicGenPlan.Create(config, new MusicOptions { MaxNewTokens = 30 }, Fidelity.Improved, 0, 0);

        long[] together = Fill(both);

        Assert.Equal([.. Fill(own[0]), .. Fill(own[1])], together);

        long[] Fill(ConditioningRows rows)
        {
            CodeFrames frames = new(rows.Batch * config.Codebooks, plan.FrameCount);
            decoder.FillCodes(frames, plan, rows, default, 1, CodeChooser.Greedy(config.Codebooks, frames.Rows), null, CancellationToken.None);
            return frames.ToArray();
        }
    }

    private MusicDecoding Sampled(ulong? seed) => music.Mono.Generate(
        new MusicDecoderRequest
        {
            Conditioning = new MusicConditioning { Caption = "acoustic guitar" },
            Options = new MusicOptions { Duration = Short, Seed = seed },
        },
        new RecordingSink(),
        CancellationToken.None);

    private static MusicDecoderRequest With(MusicDecoderRequest request, float[] embedding, MusicConditioningMode mode) => request with
    {
        Conditioning = request.Conditioning with { Embedding = embedding },
        Options = request.Options with { Conditioning = mode },
    };

    private static string Codes(MusicGenDecoder decoder, MusicDecoderRequest request) => Codes(decoder.Generate(request, new RecordingSink(), CancellationToken.None));

    private static string Codes(MusicDecoding result) => string.Join('\n', result.Codes!.Select(row => string.Join(' ', row)));

    private static AudioClip Tone(int rate, int channels, double seconds)
    {
        float[] samples = new float[(int)(rate * seconds) * channels];
        for (int i = 0; i < samples.Length; i++)
        {
            samples[i] = 0.4f * MathF.Sin(2 * MathF.PI * 440 * (1 + (i % channels)) * (i / channels) / rate);
        }

        return AudioClip.FromSamples(samples, rate, channels);
    }
}
