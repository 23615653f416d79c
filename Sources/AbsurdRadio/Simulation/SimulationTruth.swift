import Absurd
import Glibc

/// What went into a simulated observation, as files beside it: truth/sources.csv, gains.json, observation.json.
struct SimulationTruth {
    let simulation: SubBandSimulation

    private var plan: ObservationPlan { simulation.plan }

    /// - Parameter directory: exists.
    func write(to directory: String) throws {
        try CatalogueFile.write(simulation.sky.sources, to: directory + "/sources.csv")
        try TextFile.write(gains.jsonText + "\n", to: directory + "/gains.json")
        try TextFile.write(observation.jsonText + "\n", to: directory + "/observation.json")
    }

    var gains: JSONValue {
        let shape = plan.options.shape
        let antennas = plan.antennas.enumerated().map { index, station in
            JSONValue.object([
                "name": .string(station.name), "number": .integer(Int64(station.number)),
                "polarisations": .object([
                    "XX": chain(simulation.gains.chains[index][0]), "YY": chain(simulation.gains.chains[index][1]),
                ]),
            ])
        }
        return .object([
            "definition": .string(
                "In a Measurement Set's convention V_observed = g_1 conj(g_2) V_true; a gain is"
                    + " gain[time] * bandpass[channel] * exp(2 pi i delay_s (f - delay_reference_frequency_hz)),"
                    + " complex numbers are [real, imaginary]."),
            "delay_reference_frequency_hz": .number(simulation.gains.bandCentreHz),
            "times_jd_utc": .array(plan.frames.map { .number($0.julianDate) }),
            "frequencies_hz": .array(
                (0..<shape.subBands).flatMap { plan.frequenciesHz(subBand: $0) }.map { .number($0) }),
            "antennas": .array(antennas),
        ])
    }

    private func chain(_ chain: SimulatedGains.Chain) -> JSONValue {
        .object([
            "gain": .array(chain.gain.map { .array([.number($0.x), .number($0.y)]) }),
            "delay_s": .number(chain.delaySeconds),
            "bandpass": .array(chain.bandpass.flatMap { $0 }.map { .array([.number($0), .number(0)]) }),
        ])
    }

    var observation: JSONValue {
        let options = plan.options
        let shape = options.shape
        let degrees = 180 / Double.pi
        let calibrator = simulation.sky.sources[0]
        let subBands = (0..<shape.subBands).map { subBand in
            let state =
                options.missing.contains(subBand)
                ? "missing" : options.truncated.contains(subBand) ? "truncated" : "whole"
            return JSONValue.object([
                "file": .string(plan.fileName(subBand: subBand)), "state": .string(state),
                "highest_frequency_hz": .number(plan.frequenciesHz(subBand: subBand)[0]),
            ])
        }
        return .object([
            "size": .string(options.size.rawValue), "seed": .string(String(options.seed)),
            "start": .string(CalendarTime.text(julianDate: plan.startJD)), "start_jd_utc": .number(plan.startJD),
            "integrations": .integer(Int64(shape.integrations)), "integration_s": .number(plan.integrationSeconds),
            "channels_per_sub_band": .integer(Int64(shape.channels)), "channel_width_hz": .number(plan.channelWidthHz),
            "sub_bands": .array(subBands), "antennas": .array(plan.antennas.map { .string($0.name) }),
            "pointing_declination_deg": .number(plan.pointingDeclination * degrees),
            "field_centre_ra_deg": .number(plan.fieldCentre.rightAscension * degrees),
            "field_centre_dec_deg": .number(plan.fieldCentre.declination * degrees),
            "calibrator": .object([
                "name": .string(calibrator.name), "ra_deg": .number(calibrator.ra), "dec_deg": .number(calibrator.dec),
                "flux_jy": .number(calibrator.flux),
            ]),
            "beam": options.hasBeam ? .string("Airy, 4.65 m, fixed at hour angle 0") : .null,
            "beam_gains": .object(beamGains), "noise_jy": .number(options.hasNoise ? plan.noiseJy : 0),
            "system_equivalent_flux_density_jy": .number(ObservationPlan.sefdJy),
            "image_noise_jy": .number(options.hasNoise ? imageNoiseJy : 0),
            "has_gains": .bool(options.hasGains),
            "interference_cells": .array(
                simulation.interference.amplitudes.sorted {
                    ($0.key.integration, $0.key.channel) < ($1.key.integration, $1.key.channel)
                }.map { .array([.integer(Int64($0.key.integration)), .integer(Int64($0.key.channel))]) }),
        ])
    }

    /// Mean power gain of the beam over the observation towards each source, in the middle of the band: what an image
    /// without primary-beam correction shows of its flux.
    private var beamGains: [String: JSONValue] {
        guard plan.options.hasBeam else { return [:] }
        let beam = PrimaryBeam()
        return Dictionary(
            uniqueKeysWithValues: simulation.sky.sources.map { source in
                let gain = beam.meanGain(
                    towards: SimulatedSky.direction(source), frames: plan.frames, declination: plan.pointingDeclination,
                    frequencyHz: plan.bandCentreHz)
                return (source.name, .number(gain))
            })
    }

    /// Of a naturally weighted Stokes I image made of everything that was written.
    private var imageNoiseJy: Double {
        let shape = plan.options.shape
        let written = shape.subBands - plan.options.missing.union(plan.options.truncated).count
        let pairs = shape.antennas * (shape.antennas - 1) / 2
        let samples = Double(pairs * shape.integrations * shape.channels * max(written, 1))
        return plan.noiseJy / sqrt(2 * samples)
    }
}
