namespace M2UGen.Sdk;

/// <summary>How well a part of an installation is.</summary>
public enum DoctorStatus
{
    /// <summary>Well.</summary>
    Ok,

    /// <summary>Not looked at, for a reason that the finding names.</summary>
    NotChecked,

    /// <summary>Works, and something is slower, tighter or missing than it could be.</summary>
    Warning,

    /// <summary>Does not work, or computes wrong numbers.</summary>
    Failed,
}
