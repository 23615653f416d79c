import Absurd
import Testing

@testable import AbsurdRadio

@Suite struct UVH5PeerTests {
    @Test func aFileGrownByH5pyInTheTelescopesLayoutIsRead() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("telescope.hdf5")
        let answer = try Peer.run("telescope_layout_peer.py", [path]).json()
        let reader = try UVH5Reader(path: path)
        let header = reader.metadata
        #expect(header.objectName == "search" && header.telescopeName == "OVRO_MMA" && header.history.count == 70_000)
        #expect(header.phaseCentres == [.hourAngle(0, declination: 0.5)])
        #expect(header.extraKeywords["phase_center_epoch"] == .text("HADEC"))
        #expect(header.extraKeywords["nothing"] == .empty)
        #expect(header.channelWidthsHz == Array(repeating: 244_140.625, count: 48) && header.channelsDescend)
        #expect(header.integrations == [0..<15, 15..<30, 30..<45] && !header.uvwIsDouble)
        let uvw = try #require(answer["uvw"]?.items).compactMap(\.double)
        #expect(header.uvwMetres[7] == SIMD3(uvw[0], uvw[1], uvw[2]))
        // What our writer chooses is what h5py chose.
        let chunk = try #require(answer["chunk"]?.items).compactMap(\.int).map { Int($0) }
        let ours = UVH5Layout.telescope(catalogue: false).chunk(channels: 48, polarizations: 2, elementBytes: 8)
        #expect(chunk == ours && reader.rowsPerChunk == ours[0])

        var visibilities = [SIMD2<Float>](repeating: .zero, count: 45 * 96)
        var flags = [UInt8](repeating: 0, count: 45 * 96)
        try visibilities.withUnsafeMutableBufferPointer { v in
            try flags.withUnsafeMutableBufferPointer { try reader.read(blts: 0..<45, visibilities: v, flags: $0) }
        }
        let sum = visibilities.reduce(SIMD2<Double>.zero) { $0 + SIMD2<Double>($1) }
        let theirs = try #require(answer["sum"]?.items).compactMap(\.double)
        #expect(abs(sum.x - theirs[0]) < 1e-6 && abs(sum.y - theirs[1]) < 1e-6)
        #expect(flags.reduce(0) { $0 + Int($1) } == Int(try #require(answer["flagged"]?.int)))
    }

    @Test(arguments: ["complex64", "complex128", "integer"])
    func filesThatThePeerPhasedAndWroteHoldWhatItSays(_ kind: String) throws {
        let directory = TemporaryDirectory()
        let options = SimulationOptions(size: .tiny, seed: 4)
        let source = try Simulation(options).write(to: directory.file("obs")).files[1]
        let calibrator = ObservationPlan.calibrator
        let target = directory.file("phased.uvh5")
        // pyuvdata compresses the flags with LZF and writes a catalogue with one sidereal centre.
        let answer = try Peer.run(
            "uvh5_rewrite_peer.py", [source, target, "\(calibrator.ra)", "\(calibrator.dec)", kind]
        ).json()
        let reader = try UVH5Reader(path: target)
        let header = reader.metadata
        let rows = header.rowCount
        let place = SimulatedSky.direction(calibrator)
        guard case .sidereal(let rightAscension, let declination, "icrs") = header.phaseCentre(row: 0) else {
            Issue.record("the phase centre is \(header.phaseCentre(row: 0))")
            return
        }
        #expect(abs(rightAscension - place.rightAscension) < 1e-12 && abs(declination - place.declination) < 1e-12)
        #expect(header.uvwIsDouble && header.channelWidthsHz.count == 8)

        var visibilities = [SIMD2<Float>](repeating: .zero, count: rows * reader.valuesPerRow)
        var flags = [UInt8](repeating: 0, count: visibilities.count)
        var samples = [Float](repeating: 0, count: visibilities.count)
        try visibilities.withUnsafeMutableBufferPointer { v in
            try flags.withUnsafeMutableBufferPointer { f in
                try samples.withUnsafeMutableBufferPointer { s in
                    try reader.read(blts: 0..<rows, visibilities: v, flags: f, samples: s)
                }
            }
        }
        #expect(flags.reduce(0) { $0 + Int($1) } == Int(try #require(answer["flagged"]?.double)))
        #expect(samples.reduce(0) { $0 + Double($1) } == answer["samples"]?.double)
        let picked = try #require(answer["rows"]?.items).compactMap(\.int)
        for (row, values) in zip(picked, try #require(answer["visibilities"]?.items)) {
            for (index, value) in try #require(values.items).enumerated() {
                let parts = try #require(value.items).compactMap(\.double)
                let got = visibilities[Int(row) * reader.valuesPerRow + index]
                #expect(got == SIMD2(Float(parts[0]), Float(parts[1])))
            }
        }
        try compareProjection(header, place, try #require(answer["uvw"]?.items))
    }

    /// uvw from the antenna positions in the file, against those that pyuvdata wrote after phasing.
    private func compareProjection(_ header: UVH5Metadata, _ place: SkyDirection, _ uvw: [JSONValue]) throws {
        let index = Dictionary(uniqueKeysWithValues: zip(header.antennaNumbers, header.antennaPositions))
        var worst = 0.0
        for rows in try #require(header.integrations) {
            let frame = ObservingFrame(julianDate: header.timesJD[rows.lowerBound], site: Site(header))
            let projection = Projection(icrs: place, frame: frame)
            for row in rows {
                let baseline = try #require(index[header.antenna2[row]]) - #require(index[header.antenna1[row]])
                let theirs = try #require(uvw[row].items).compactMap(\.double)
                let difference = projection(baseline) - SIMD3(theirs[0], theirs[1], theirs[2])
                worst = max(worst, (difference * difference).sum().squareRoot())
            }
        }
        #expect(worst < 1e-4, "metres")
    }
}
