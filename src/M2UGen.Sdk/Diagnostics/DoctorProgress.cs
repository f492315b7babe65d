namespace M2UGen.Sdk;

/// <summary>Where an examination stands.</summary>
/// <param name="Step">What is looked at: a section of the report, or a component's name.</param>
/// <param name="Fraction">The part of the steps that is done, from 0 to 1.</param>
public readonly record struct DoctorProgress(string Step, double Fraction);
