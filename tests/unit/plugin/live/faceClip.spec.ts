// Files of face performances: the layouts of several makers, bound without aliases; what is unknown; what is damaged.
import { FlexAvatarError } from "../../../../src/flame/error";
import { ArkitNames } from "../../../../src/flame/expression";
import { ClipSource, type FaceClip } from "../../../../src/plugin/live/faceClip";
import { CreateFaceFrame, JointIndex, WeightIndex, type IFaceFrame } from "../../../../src/plugin/live/faceSource";
import { ParseFaceClip } from "../../../../src/plugin/live/readFaceClip";
import { MakeLiveFace, WeightsOf } from "../../../support/liveFace";

const Pascal = ArkitNames.map((name) => name[0].toUpperCase() + name.slice(1));
const Angles = ["Head", "LeftEye", "RightEye"].flatMap((part) => ["Yaw", "Pitch", "Roll"].map((angle) => part + angle));
/** A different number for each weight and frame, with three digits. */
const Value = (index: number, frame: number): number => ((index * 7 + frame * 13) % 100) / 100;
const Row = (frame: number, count = 52): number[] => Array.from({ length: count }, (_, index) => Value(index, frame));

function At(clip: FaceClip, timeS: number): IFaceFrame {
    const frame = CreateFaceFrame();
    clip.sampleToRef(timeS, frame);
    return frame;
}

/** Whether each of the 52 is what the row says. */
function ExpectRow(frame: IFaceFrame, row: readonly number[], names: readonly string[] = ArkitNames): void {
    names.forEach((name, index) => {
        expect(frame.weights[ArkitNames.indexOf(name as never)])
            .withContext(name)
            .toBeCloseTo(row[index], 5);
    });
}

function CodeOf(call: () => unknown): string {
    try {
        call();
        return "none";
    } catch (error) {
        return error instanceof FlexAvatarError ? error.code : `foreign: ${String(error)}`;
    }
}

describe("a table in Live Link Face's layout", () => {
    /** Rows at 60 frames per second, over the end of a second. */
    const csv = (header: string[], cells: (frame: number) => (number | string)[], count = 90): string =>
        [
            header.join(","),
            ...Array.from({ length: count }, (_, frame) => {
                const at = frame + 45;
                const code = `16:27:${String(24 + Math.floor(at / 60)).padStart(2, "0")}:${String(at % 60).padStart(2, "0")}.250`;
                return [code, ...cells(frame)].join(",");
            }),
        ].join("\r\n");
    const head = [0.3, -0.1, 0.05];

    it("of the app itself: 52 weights and the head", () => {
        const clip = ParseFaceClip(
            csv(["Timecode", "BlendshapeCount", ...Pascal, ...Angles], (frame) => [
                61,
                ...Row(frame),
                ...head,
                ...[0.1, 0.1, 0, 0.1, 0.1, 0],
            ]),
        );
        expect(clip.unknownColumns).toEqual([]);
        expect(clip.frameCount).toBe(90);
        expect(clip.durationS).toBeCloseTo(89 / 60, 4);
        ExpectRow(At(clip, 0), Row(0));
        ExpectRow(At(clip, 30 / 60), Row(30));
        const { turns, saysTurns } = At(clip, 0);
        expect(saysTurns[JointIndex("neck")]).toBe(1);
        expect(saysTurns[JointIndex("leftEye")]).toBe(0); // the eyeLook weights turn the eyes already
        // Yaw to the left, then down, then to the right.
        const half = head.map((angle) => angle / 2);
        const [cy, cp, cr] = half.map(Math.cos);
        const [sy, sp, sr] = half.map(Math.sin);
        expect(turns[4]).toBeCloseTo(cy * sp * cr + sy * cp * sr, 6);
        expect(turns[5]).toBeCloseTo(sy * cp * cr - cy * sp * sr, 6);
    });

    it("of NeuroSync: emotions behind, right before left", () => {
        const names = ["EyeBlinkRight", "EyeBlinkLeft", "JawRight", "JawLeft", "MouthRight", "MouthLeft", "TongueOut"];
        const emotions = ["Angry", "Disgusted", "Fearful", "Happy", "Neutral", "Sad", "Surprised"];
        const clip = ParseFaceClip(
            csv(["Timecode", "BlendshapeCount", ...names, ...emotions], (frame) => [
                61,
                ...Row(frame, names.length),
                ...emotions.map(() => 1), // no weights: they are in the others already
            ]),
        );
        ExpectRow(
            At(clip, 0.5),
            Row(30, names.length),
            names.map((name) => name[0].toLowerCase() + name.slice(1)),
        );
        expect(At(clip, 0.5).weights[WeightIndex("mouthSmileLeft")]).toBe(0);
        expect(clip.unknownColumns).toEqual(["Disgusted", "Fearful"]);
    });

    it("of landmark trackers: percentages, semicolons, decimal commas, seconds", () => {
        const text = [
            ["time", "BlendShapeCount", ...ArkitNames, "headYaw", "headPitch", "headRoll", "Skull"].join(";"),
            ...Array.from({ length: 5 }, (_, frame) =>
                [frame * 0.04, 61, ...Row(frame).map((value) => 100 * value), 10, 0, 0, 3]
                    .map((cell) => String(cell).replace(".", ","))
                    .join(";"),
            ),
        ].join("\n");
        const clip = ParseFaceClip(text, { angleScale: Math.PI / 180 });
        ExpectRow(At(clip, 0.08), Row(2));
        expect(clip.durationS).toBeCloseTo(0.16, 6);
        expect(clip.unknownColumns).toEqual(["Skull"]);
        expect(At(clip, 0).turns[5]).toBeCloseTo(Math.sin((5 * Math.PI) / 180), 6);
    });

    it("goes on past midnight, and leaves repeated lines out", () => {
        const lines = ["23:59:59:58.0", "23:59:59:59.0", "23:59:59:59.0", "00:00:00:00.0", "00:00:00:01.0"];
        const clip = ParseFaceClip(
            ["Timecode,BlendshapeCount,JawOpen", ...lines.map((code) => `${code},1,0.5`)].join("\n"),
        );
        expect(clip.frameCount).toBe(4);
        expect(clip.durationS).toBeCloseTo(3 / 60, 4);
    });
});

describe("Audio2Face's files", () => {
    it("of Omniverse, with ARKit's names", () => {
        const rows = Array.from({ length: 31 }, (_, frame) => Row(frame));
        const json = {
            exportFps: 60,
            trackPath: "speech.wav",
            numPoses: 52,
            numFrames: rows.length,
            facsNames: ArkitNames,
            weightMat: rows,
            joints: ["jaw"],
            rotations: [],
        };
        const clip = ParseFaceClip(JSON.stringify(json));
        expect(clip.durationS).toBeCloseTo(0.5, 6);
        expect(clip.unknownColumns).toEqual([]);
        ExpectRow(At(clip, 20 / 60), Row(20));
        ExpectRow(At(ParseFaceClip(json), 20 / 60), Row(20)); // parsed already
    });

    it("of Omniverse, with its solver's own 46 poses", () => {
        const facsNames = (
            "browLowerL browLowerR innerBrowRaiserL innerBrowRaiserR outerBrowRaiserL outerBrowRaiserR eyesLookLeft " +
            "eyesLookRight eyesLookUp eyesLookDown eyesCloseL eyesCloseR eyesUpperLidRaiserL eyesUpperLidRaiserR squintL " +
            "squintR cheekRaiserL cheekRaiserR cheekPuffL cheekPuffR noseWrinklerL noseWrinklerR jawDrop " +
            "jawDropLipTowards jawThrust jawSlideLeft jawSlideRight mouthSlideLeft mouthSlideRight dimplerL dimplerR " +
            "lipCornerPullerL lipCornerPullerR lipCornerDepressorL lipCornerDepressorR lipStretcherL lipStretcherR " +
            "upperLipRaiserL upperLipRaiserR lowerLipDepressorL lowerLipDepressorR chinRaiser lipPressor pucker " +
            "funneler lipSuck"
        ).split(" ");
        const only = (name: string) => facsNames.map((other) => (other === name ? 0.5 : 0));
        const clip = ParseFaceClip({
            exportFps: 30,
            facsNames,
            weightMat: ["jawDrop", "eyesLookLeft", "lipCornerPullerR", "cheekPuffL"].map(only),
        });
        expect(clip.unknownColumns).toEqual([]);
        expect(WeightsOf(At(clip, 0).weights)).toEqual({ jawOpen: 0.5 });
        expect(WeightsOf(At(clip, 1 / 30).weights)).toEqual({ eyeLookOutLeft: 0.5, eyeLookInRight: 0.5 });
        expect(WeightsOf(At(clip, 2 / 30).weights)).toEqual({ mouthSmileRight: 0.5 });
        expect(WeightsOf(At(clip, 3 / 30).weights)).toEqual({ cheekPuff: 0.25 });
    });

    it("of Audio2Face-3D's client: a table with times and a prefix", () => {
        const lines = [
            ["", "timeCode", ...Pascal.map((name) => `blendShapes.${name}`)].join(","),
            ...Array.from({ length: 4 }, (_, frame) => [frame, (frame / 25).toFixed(2), ...Row(frame)].join(",")),
        ];
        const clip = ParseFaceClip(lines.join("\n"));
        expect(clip.unknownColumns).toEqual([]);
        ExpectRow(At(clip, 2 / 25), Row(2));
        expect(clip.durationS).toBeCloseTo(0.12, 6);
    });

    it("of LAM's audio to expression: names, frames, times", () => {
        const names = [...ArkitNames].sort();
        const json = {
            names,
            metadata: { fps: 30, frame_count: 4, blendshapeNames: names },
            frames: Array.from({ length: 4 }, (_, frame) => ({ weights: Row(frame), time: frame / 30, rotation: [] })),
        };
        const clip = ParseFaceClip(new TextEncoder().encode(JSON.stringify(json)));
        expect(clip.unknownColumns).toEqual([]);
        ExpectRow(At(clip, 1 / 30), Row(1), names);
    });
});

describe("Azure's blend shapes", () => {
    const stretch = (first: number, count: number) => ({
        FrameIndex: first,
        BlendShapes: Array.from({ length: count }, (_, at) => [...Row(first + at), 0.1, 0, 0]),
    });

    it("of one event, of all in a list, and one JSON a line, at 60 frames a second", () => {
        const stretches = [stretch(0, 20), stretch(20, 30)];
        const whole = ParseFaceClip([stretches[1], stretches[0]]); // as they may come
        expect(whole.durationS).toBeCloseTo(49 / 60, 6);
        expect(whole.unknownColumns).toEqual([]);
        for (const clip of [
            whole,
            ParseFaceClip(JSON.stringify(stretches)),
            ParseFaceClip(stretches.map((one) => JSON.stringify(one)).join("\n")),
        ]) {
            ExpectRow(At(clip, 7 / 60), Row(7));
            ExpectRow(At(clip, 33 / 60), Row(33));
        }
        const second = ParseFaceClip(JSON.stringify(stretches[1]));
        expect(second.durationS).toBeCloseTo(29 / 60, 6);
        ExpectRow(At(second, 3 / 60), Row(23));
    });

    it("are refused where frames have another length", () => {
        const damaged = { FrameIndex: 0, BlendShapes: [Row(0), [1, 2]] };
        expect(() => ParseFaceClip(damaged)).toThrowMatching(({ code }) => code === "file-format");
    });
});

describe("MediaPipe's results", () => {
    const yaw = 0.4;
    /** Columns of a turn about y. */
    const matrix = [Math.cos(yaw), 0, -Math.sin(yaw), 0, 0, 1, 0, 0, Math.sin(yaw), 0, Math.cos(yaw), 0, 1, 2, -30, 1];
    const categories = (key: "categoryName" | "category_name") =>
        ["_neutral", ...ArkitNames.filter((name) => name !== "tongueOut").sort()].map((name, index) => ({
            index,
            score: Value(index, 0),
            [key]: name,
            displayName: "",
        }));
    const expectFace = (clip: FaceClip): void => {
        const frame = At(clip, 0);
        expect(frame.weights[WeightIndex("browDownLeft")]).toBeCloseTo(Value(1, 0), 6);
        expect(frame.weights[WeightIndex("jawOpen")]).toBeCloseTo(
            Value(1 + [...ArkitNames].sort().indexOf("jawOpen"), 0),
            6,
        );
        expect(frame.says[WeightIndex("tongueOut")]).toBe(0);
        expect(clip.unknownColumns).toEqual([]);
    };

    it("of JavaScript, with the head's matrix by columns", () => {
        const result = {
            faceLandmarks: [],
            faceBlendshapes: [{ categories: categories("categoryName"), headIndex: -1, headName: "" }],
            facialTransformationMatrixes: [{ rows: 4, columns: 4, data: matrix }],
        };
        const clip = ParseFaceClip([
            { ...result, timestampMs: 1000 },
            { ...result, timestampMs: 1033 },
        ]);
        expectFace(clip);
        expect(clip.durationS).toBeCloseTo(0.033, 6);
        expect(At(clip, 0).turns[5]).toBeCloseTo(Math.sin(yaw / 2), 6);
    });

    it("of Python, one JSON per line, with the matrix by rows", () => {
        const rows = [0, 1, 2, 3].map((row) => [0, 1, 2, 3].map((column) => matrix[4 * column + row]));
        const line = JSON.stringify({
            face_blendshapes: [categories("category_name")],
            facial_transformation_matrixes: [rows],
        });
        const clip = ParseFaceClip(`${line}\n${line}\n`, { frameRate: 25 });
        expectFace(clip);
        expect(clip.durationS).toBeCloseTo(1 / 25, 6);
        expect(At(clip, 0).turns[5]).toBeCloseTo(Math.sin(yaw / 2), 6);
    });

    it("as a list of names with numbers", () => {
        const clip = ParseFaceClip({ fps: 50, frames: [{ jawOpen: 0.5 }, { blendShapes: { jawOpen: 0.7, ear: 1 } }] });
        expect(At(clip, 0.02).weights[WeightIndex("jawOpen")]).toBeCloseTo(0.7, 6);
        expect(clip.unknownColumns).toEqual(["ear"]);
    });
});

describe("numbers alone", () => {
    it("are weights in Apple's order, or in the order given", () => {
        ExpectRow(At(ParseFaceClip([Row(0), Row(1)]), 1 / 30), Row(1));
        const names = [...ArkitNames].sort();
        ExpectRow(At(ParseFaceClip([Row(0)], { names }), 0), Row(0), names);
        ExpectRow(At(ParseFaceClip([Row(3), Row(4)].map((row) => row.join(",")).join("\n")), 0), Row(3));
    });

    it("lie between frames evenly", () => {
        const { weights } = At(
            ParseFaceClip([
                [0, ...Row(0).slice(1)],
                [1, ...Row(0).slice(1)],
            ]),
            0.25 / 30,
        );
        expect(weights[0]).toBeCloseTo(0.25, 6);
    });
});

describe("what is no performance", () => {
    it("is refused with a code", () => {
        for (const [source, code] of [
            ["", "file-format"],
            ["hello world", "file-format"],
            ['{"frames": [', "file-format"],
            ["{}", "file-format"],
            ["[[1, 2, 3]]", "file-format"],
            ["1,2,3\n4,5,6", "file-format"],
            [new ArrayBuffer(0), "file-format"],
            ["time,left,right\n0,1,2\n1,2,3", "clip-empty"],
            [{ frames: [] }, "file-format"],
            [{ facsNames: [null, 3], weightMat: [[0, 1]] }, "file-format"],
            [{ facsNames: "jawOpen", weightMat: [[0]] }, "file-format"],
            [[{ faceBlendshapes: [{ categories: 3 }] }], "file-format"],
            [[{ faceBlendshapes: [{ categories: [null] }] }], "file-format"],
        ] as const) {
            expect(CodeOf(() => ParseFaceClip(source)))
                .withContext(JSON.stringify(source))
                .toBe(code);
        }
        expect(CodeOf(() => ParseFaceClip([Row(0)], { frameRate: 0 }))).toBe("invalid-argument");
    });
});

describe("a clip as a source", () => {
    it("plays once, loops, seeks, follows a sound, and tells what it did not know", () => {
        const face = MakeLiveFace();
        const clip = ParseFaceClip({ fps: 10, frames: [0, 0.5, 1].map((jawOpen) => ({ jawOpen, ear: 1 })) });
        const source = new ClipSource(clip);
        const handle = face.mixer.add(source, { fadeS: 0 });
        expect(face.notices.map(({ code }) => code)).toEqual(["columns-unknown"]);
        expect(face.notices[0].message).toContain("ear");
        const other = MakeLiveFace();
        expect(CodeOf(() => other.mixer.add(source, {}))).toBe("invalid-argument");
        expect(other.mixer.handles.length).toBe(0);
        other.dispose();
        face.draw();
        face.draw(5);
        expect(face.weight("jawOpen")).toBeCloseTo(0.4, 5); // 80 of 200 ms
        face.draw(20);
        expect(handle.isSpeaking).toBe(false);
        source.loop = true;
        source.timeS = 0.1;
        source.isPlaying = false;
        face.draw(3);
        expect(face.weight("jawOpen")).toBeCloseTo(0.5, 5);
        const audio = { currentTime: 0.15 };
        source.audio = audio;
        face.draw();
        expect(face.weight("jawOpen")).toBeCloseTo(0.75, 5);
        face.dispose();
    });

    it("is the same clip after a way through JSON, and refuses JSON that is spoiled", () => {
        const clip = ParseFaceClip("timeCode,jawOpen,mouthClose,headYaw\n0.0,0.5,0.1,0.2\n0.5,0.25,0,0.4", {
            name: "words",
        });
        const json = clip.toJson();
        const again = ParseFaceClip(JSON.parse(JSON.stringify(json)) as object);
        expect(again.name).toBe("words");
        expect(again.toJson()).toEqual(json);
        expect([...again.data.says]).toEqual([...clip.data.says]);
        expect(again.data.turns.every((value, i) => Math.abs(value - clip.data.turns[i]) < 1e-5)).toBeTrue();
        for (const wrong of [
            { ...json, version: 2 },
            { ...json, times: [0.5, 0.5] },
            { ...json, lift: [0] },
            { ...json, weights: { jawOpen: [1] } },
            { ...json, turns: { neck: [0, 0, 0, 1, 0, 0, 0, null] } },
        ]) {
            expect(() => ParseFaceClip(wrong)).toThrowError(/no face performance/);
        }
    });
});
