// Random damage to valid files: every outcome is a value or an error, never a crash. The seed of a run is printed.
import Engine
import Foundation
import JSON
import TestSupport
import Testing

@Suite struct LoadingMutationTests {
    /// Changes up to eight places of `bytes`, most of them within `head`.
    private func damage(_ bytes: [UInt8], head: Int, using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...8, using: &generator) where !bytes.isEmpty {
            let reach = Int.random(in: 0..<8, using: &generator) == 0 ? bytes.count : min(head, bytes.count)
            let at = Int.random(in: 0..<reach, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &generator)
            case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 2: bytes.removeSubrange(at..<min(at + Int.random(in: 1...16, using: &generator), bytes.count))
            case 3: bytes.insert(contentsOf: bytes[at..<min(at + 8, bytes.count)], at: at)
            case 4:
                let extremes: [UInt64] = [0, 1, .max, 1 << 63, 1 << 32, 0x7fff_ffff_ffff_ffff, 9, 8]
                let value = littleEndian(extremes.randomElement(using: &generator)!)
                bytes.replaceSubrange(at..<min(at + 8, bytes.count), with: value.prefix(min(8, bytes.count - at)))
            default: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator) / 4)
            }
        }
        return bytes
    }

    @Test func damagedGGUF() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("damagedGGUF seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let model = try GGUFModel(architecture: "llama", fixture: "fixtures/families/llama_rope_yarn").writer()
        let samples = [(LoadingMalformedGGUFTests.valid().bytes(), 1000), (model.bytes(), 4000)]
        var opened = 0
        for round in 0..<1500 {
            let (sample, head) = samples[round % 2]
            do throws(LoadError) {
                let file = try GGUFFile(bytes: damage(sample, head: head, using: &generator))
                opened += 1
                for (_, value) in file.metadata { _ = try value.json() }
                _ = try Architecture(gguf: file)
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
        #expect(opened > 0)
    }

    @Test func damagedSafetensors() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("damagedSafetensors seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<1500 {
            let bytes = damage(LoadingMalformedSafetensorsTests.valid(), head: 300, using: &generator)
            do throws(LoadError) {
                _ = try SafetensorsFile(bytes: bytes)
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
    }

    /// Whole models: what opens and plans also loads.
    @Test func damagedModels() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("damagedModels seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        let bytes = try GGUFModel(architecture: "qwen2", fixture: "fixtures/families/qwen2").writer().bytes()
        for _ in 0..<150 {
            let path = try folder.write("m.gguf", damage(bytes, head: 4000, using: &generator))
            do throws(LoadError) {
                _ = try Model.load(ModelSource(path: path))
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
    }

    @Test func damagedConfigurations() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("damagedConfigurations seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let extremes: [JSONValue] = [
            0, -1, 1, 3, .null, "x", [], true, JSONValue.number(JSONNumber("1e400")!), JSONValue(Int.max), JSONValue(Int.min), 0.5,
            .object(JSONObject()), ["full_attention"],
        ]
        for family in ["llama_rope_yarn", "llama_rope_llama3", "llama_rope_dynamic", "qwen2", "mistral", "qwen3"] {
            for form in ["config.json", "config.legacy.json"] {
                let config = try Fixtures.json("fixtures/families/\(family)/\(form)").objectValue!
                for _ in 0..<200 {
                    var changed = config
                    let key = config.keys.randomElement(using: &generator)!
                    let value = extremes.randomElement(using: &generator)!
                    if var inner = config[key]?.objectValue, Bool.random(using: &generator),
                        let innerKey = inner.keys.randomElement(using: &generator)
                    {
                        inner[innerKey] = value
                        changed[key] = .object(inner)
                    } else {
                        changed[key] = value
                    }
                    do throws(LoadError) {
                        let architecture = try Architecture(huggingFace: .object(changed))
                        let frequencies = architecture.ropes[0].inverseFrequencies(sequenceLength: 100).values
                        #expect(frequencies.count == architecture.ropes[0].rotaryDimensions / 2)
                    } catch {
                        #expect(!error.description.isEmpty)
                    }
                }
            }
        }
    }
}
