import { FlexAvatarError } from "../../../../src/flame/error";
import { ParseModelManifest, SelectModel } from "../../../../src/runtime/models/manifest";

const Hash = "0123456789abcdef".repeat(4);
type Any = Record<string, unknown>;

function Sample(): Any {
    const file = (name: string): Any => ({ file: `nano/${name}`, sha256: Hash, bytes: 10 });
    const reconstructor = (n: number): Any => ({
        ...file(`reconstructor_n${n}.onnx`),
        data: file("reconstructor.data"),
        inputs: { tokens: [n, 16, 8], photos: [n, 3, 32, 32], anchors: [n, 3, 4, 4], prior: [1, 4, 4, 4] },
        outputs: { static_map: [1, 14, 16, 16], identity_features: [1, 6, 8, 8], photo_coordinates: [n, 3, 4, 4] },
    });
    return {
        format: 1,
        default: "nano",
        headModels: { head: { ...file("head.bin"), license: "CC0-1.0" } },
        face: Face(),
        models: {
            nano: {
                headModel: "head",
                photoSize: 32,
                anchorSize: 4,
                mapSize: 16,
                positionMapSize: 8,
                maxPhotos: 2,
                license: "Apache-2.0",
                step: 0,
                metrics: {},
                graphs: {
                    encoder: {
                        ...file("encoder.onnx"),
                        inputs: { photo: [1, 3, 32, 32] },
                        outputs: { tokens: [1, 16, 8] },
                    },
                    driver: {
                        ...file("driver.onnx"),
                        inputs: { identity_features: [1, 6, 8, 8], position_map: [1, 3, 8, 8] },
                        outputs: { delta_map: [1, 14, 16, 16] },
                    },
                    reconstructor_n1: reconstructor(1),
                    reconstructor_n2: reconstructor(2),
                },
            },
        },
    };
}

/** The networks that find faces. */
function Face(): Any {
    const graph = (name: string, size: number, outputs: Any): Any => ({
        file: `face/${name}.onnx`,
        sha256: Hash,
        bytes: 10,
        inputs: { image: [1, 3, size, size] },
        outputs,
    });
    return {
        license: "Apache-2.0",
        source: "somewhere",
        graphs: {
            detector: graph("detector", 128, { boxes: [1, 896, 16], scores: [1, 896, 1] }),
            landmarks: graph("landmarks", 192, { landmarks: [1, 478, 3], presence: [1, 1], features: [1, 16000] }),
            matte: graph("matte", 256, { mask: [1, 1, 256, 256] }),
            classes: graph("classes", 320, { classes: [1, 5, 320, 320], alpha: [1, 1, 320, 320] }),
            motion: {
                ...graph("motion", 1, { expressions: [1, 52], turn: [1, 3] }),
                inputs: { change: [1, 16000] },
            },
        },
    };
}

/** A set as the paper's: photos alone go in. */
function WithoutHints(): Any {
    const root = Sample();
    const model = (root.models as Any).nano as Any;
    model.anchorSize = 0;
    for (const n of [1, 2]) {
        const graph = (model.graphs as Any)[`reconstructor_n${n}`] as Any;
        graph.inputs = { tokens: [n, 16, 8] };
        graph.outputs = { static_map: [1, 14, 16, 16], identity_features: [1, 6, 8, 8] };
    }
    return root;
}

/** A sample with one value replaced, or removed where `value` is undefined. */
function Changed(path: string, value: unknown): Any {
    const root = Sample();
    const keys = path.split("/");
    const last = keys.pop()!;
    const parent = keys.reduce((at, key) => at[key] as Any, root);
    if (value === undefined) {
        delete parent[last];
    } else {
        parent[last] = value;
    }
    return root;
}

function Failure(json: unknown): FlexAvatarError {
    try {
        ParseModelManifest(json);
    } catch (error) {
        if (error instanceof FlexAvatarError) {
            return error;
        }
        throw error;
    }
    throw new Error("the manifest was accepted");
}

describe("model manifest", () => {
    it("takes networks without anchors and prior, as the paper's are", () => {
        expect(ParseModelManifest(WithoutHints()).models.nano.anchorSize).toBe(0);
    });

    it("accepts a complete one and finds the default", () => {
        const manifest = ParseModelManifest(Sample());
        expect(SelectModel(manifest, undefined).name).toBe("nano");
        expect(() => SelectModel(manifest, "mega")).toThrowError(/no model "mega"; it has nano/);
    });

    it("may have no networks that find faces", () => {
        expect(ParseModelManifest(Changed("face", undefined)).face).toBeUndefined();
    });

    it("reports anything but an object", () => {
        for (const json of [null, 3, "x", [], undefined]) {
            expect(Failure(json).code).toBe("file-format");
        }
    });

    it("names the field that is missing or malformed", () => {
        const nano = "models/nano";
        const cases: [string, unknown, string][] = [
            ["headModels", undefined, "headModels"],
            ["headModels/head/sha256", "ABC", "headModels.head.sha256"],
            ["headModels/head/bytes", 0, "headModels.head.bytes"],
            [`${nano}/photoSize`, 1.5, "models.nano.photoSize"],
            [`${nano}/license`, "", "models.nano.license"],
            [`${nano}/graphs/driver`, undefined, "models.nano.graphs.driver"],
            [`${nano}/graphs/reconstructor_n2`, undefined, "models.nano.graphs.reconstructor_n2"],
            [`${nano}/graphs/encoder/file`, undefined, "models.nano.graphs.encoder.file"],
            [`${nano}/graphs/encoder/inputs/photo`, [1, -3], "models.nano.graphs.encoder.inputs.photo"],
            [`${nano}/headModel`, "flame", "models.nano.headModel"],
            ["default", "mega", "default"],
            ["face/source", undefined, "face.source"],
            ["face/graphs/classes", undefined, "face.graphs.classes"],
            ["face/graphs/detector/sha256", "", "face.graphs.detector.sha256"],
        ];
        for (const [path, value, name] of cases) {
            const error = Failure(Changed(path, value));
            expect(error.code).withContext(path).toBe("file-format");
            expect(error.message).withContext(path).toContain(name);
        }
    });

    it("may name a second page of a head model, and checks it", () => {
        const page = { file: "page.bin", sha256: Hash, bytes: 10, license: "CC0-1.0" };
        expect(ParseModelManifest(Changed("headModels/head/page", page)).headModels.head.page).toEqual(page);
        expect(ParseModelManifest(Sample()).headModels.head.page).toBeUndefined();
        for (const [field, value] of [
            ["file", "../page.bin"],
            ["sha256", "12"],
            ["bytes", -1],
            ["license", ""],
        ] as const) {
            const error = Failure(Changed("headModels/head/page", { ...page, [field]: value }));
            expect([error.code, error.message.includes(`headModels.head.page.${field}`)]).toEqual([
                "file-format",
                true,
            ]);
        }
        expect(Failure(Changed("headModels/head/page", null)).code).toBe("file-format");
    });

    it("refuses paths that leave the folder of models.json", () => {
        for (const file of ["/etc/passwd", "../x", "a/../../x", "https://example.org/x", "a\\b", "C:x"]) {
            expect(Failure(Changed("models/nano/graphs/encoder/file", file)).message)
                .withContext(file)
                .toContain("below the folder");
        }
        expect(() => ParseModelManifest(Changed("models/nano/graphs/encoder/file", "a..b/c.onnx"))).not.toThrow();
    });

    it("reports another format and shapes that disagree as a mismatch", () => {
        expect(Failure(Changed("format", 2)).code).toBe("models-mismatch");
        const graphs = "models/nano/graphs";
        const cases: [string, number[]][] = [
            [`${graphs}/encoder/inputs/photo`, [1, 3, 64, 64]],
            [`${graphs}/driver/outputs/delta_map`, [1, 14, 16, 8]],
            [`${graphs}/driver/inputs/identity_features`, [1, 7, 8, 8]],
            [`${graphs}/reconstructor_n2/inputs/tokens`, [1, 16, 8]],
            [`${graphs}/reconstructor_n1/outputs/photo_coordinates`, [1, 2, 4, 4]],
            ["face/graphs/detector/inputs/image", [1, 3, 192, 192]],
            ["face/graphs/landmarks/outputs/landmarks", [1, 468, 3]],
            ["face/graphs/motion/inputs/change", [1, 928]],
        ];
        for (const [path, shape] of cases) {
            expect(Failure(Changed(path, shape)).code)
                .withContext(path)
                .toBe("models-mismatch");
        }
    });

    it("takes the probe of a graph, and refuses one whose lists differ in length", () => {
        const sample = Sample();
        const { encoder } = (sample.models as Record<string, { graphs: Record<string, Any> }>).nano.graphs;
        encoder.probe = { tokens: { index: [0, 5], value: [0.5, -1] } };
        expect(ParseModelManifest(sample).models.nano.graphs.encoder.probe?.tokens.value[1]).toBe(-1);
        encoder.probe = { tokens: { index: [0], value: [0.5, -1] } };
        expect(() => ParseModelManifest(sample)).toThrowError(FlexAvatarError, /probe\.tokens/);
    });
});
