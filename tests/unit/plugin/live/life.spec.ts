// Idle life and looking: blinks, gaze, breath and mood of a seed; eyes on the target, head after them. NullEngine.
import { Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { EffectivePose } from "../../../../src/flame/expression";
import { JointMatrices, JointMatricesLength } from "../../../../src/flame/skinning";
import { LifeSource, type ILifeSettings } from "../../../../src/plugin/live/lifeSource";
import { LookAtSource, type ILookAtSettings, type LookTarget } from "../../../../src/plugin/live/lookAtSource";
import { FrameS, MakeLiveFace, SaidSource, type ILiveFace } from "../../../support/liveFace";

/** Draws a second and more, and keeps a number of each frame. */
function Watch(face: ILiveFace, seconds: number, value: () => number): number[] {
    return Array.from({ length: Math.round(seconds / FrameS) }, () => {
        face.draw();
        return value();
    });
}

/** How often a curve rises through a half. */
const Rises = (curve: readonly number[]): number =>
    curve.filter((value, at) => at > 0 && value > 0.5 && curve[at - 1] <= 0.5).length;

describe("idle life", () => {
    let face: ILiveFace;
    beforeEach(() => (face = MakeLiveFace()));
    afterEach(() => face.dispose());
    const live = (settings: ILifeSettings): LifeSource => {
        const life = new LifeSource({ seed: 5, ...settings });
        face.mixer.add(life, { fadeS: 0 });
        return life;
    };

    it("blinks as often as asked, closes whole, and is quick", () => {
        live({ blink: 20 });
        const lids = Watch(face, 60, () => face.weight("eyeBlinkLeft"));
        const blinks = Rises(lids);
        expect(blinks).toBeGreaterThan(12);
        expect(blinks).toBeLessThan(30);
        expect(Math.max(...lids)).toBe(1);
        const closed = lids.filter((value) => value > 0.5).length * FrameS;
        expect(closed / blinks).toBeLessThan(0.25);
        expect(face.weight("eyeBlinkLeft")).toBe(face.weight("eyeBlinkRight"));
    });

    it("repeats with a seed, at any frame rate, and differs with another", () => {
        const run = (seed: number, step: number): number[] => {
            const life = new LifeSource({ seed });
            const other = MakeLiveFace();
            const handle = other.mixer.add(life, { fadeS: 0 });
            const { frame } = handle as never as { frame: { weights: Float32Array; turns: Float32Array } };
            const seen: number[] = [];
            for (let at = 0; at <= 960 / step; at++) {
                life.readFrame(frame as never, 0, at === 0 ? 0 : step / 32);
                if ((at * step) % 4 === 0) {
                    seen.push(...frame.turns, frame.weights[0]);
                }
            }
            other.dispose();
            return seen;
        };
        const difference = (a: number[], b: number[]) => Math.max(...a.map((value, at) => Math.abs(value - b[at])));
        const first = run(7, 1);
        expect(difference(first, run(7, 1))).toBe(0);
        expect(difference(first, run(7, 2))).toBeLessThan(1e-4);
        expect(difference(first, run(8, 1))).toBeGreaterThan(1e-3);
    });

    it("is never frozen, and small", () => {
        live({});
        let before = face.pose.slice();
        let stillS = 0;
        let longest = 0;
        Watch(face, 30, () => {
            const moved = face.pose.some((value, at) => Math.abs(value - before[at]) > 1e-6);
            stillS = moved ? 0 : stillS + FrameS;
            longest = Math.max(longest, stillS);
            before = face.pose.slice();
            return Math.hypot(face.pose[3], face.pose[4], face.pose[5]);
        }).forEach((turn) => expect(turn).toBeLessThan(0.04));
        expect(longest).toBeLessThan(0.1);
    });

    it("breathes with the torso, as often as asked", () => {
        live({ breathing: 15 });
        const lift = Watch(face, 40, () => face.joints.sourceJoints.torso.position.y / 0.0025);
        expect(Math.abs(Rises(lift) - 10)).toBeLessThanOrEqual(1);
        expect(Math.max(...lift)).toBeCloseTo(1, 1);
        expect(Math.min(...lift)).toBeGreaterThanOrEqual(0);
    });

    it("looks about within the degrees asked, and stays at a place", () => {
        live({ saccades: 4, blink: false });
        const yaw = Watch(
            face,
            30,
            () => 0.5 * (face.weight("eyeLookOutLeft") - face.weight("eyeLookInLeft")) * (180 / Math.PI),
        );
        expect(Math.max(...yaw.map(Math.abs))).toBeLessThan(8.01); // a far look is twice as far
        expect(Math.max(...yaw) - Math.min(...yaw)).toBeGreaterThan(3);
        const still = yaw.filter((value, at) => at > 0 && value === yaw[at - 1]).length;
        expect(still / yaw.length).toBeGreaterThan(0.8);
        expect(face.weight("eyeLookOutLeft")).toBe(face.weight("eyeLookInRight"));
    });

    it("has a mood that comes slowly and goes", () => {
        const life = live({ mood: "happy", blink: false });
        face.draw(3);
        expect(face.weight("mouthSmileLeft")).toBeLessThan(0.02);
        face.draw(600);
        const smile = face.weight("mouthSmileLeft");
        expect(smile).toBeGreaterThan(0.15);
        expect(smile).toBeLessThan(0.4);
        life.mood = { browDownLeft: 0.5 };
        face.draw(900);
        expect(face.weight("mouthSmileLeft")).toBeLessThan(0.01);
        expect(face.weight("browDownLeft")).toBeGreaterThan(0.3);
    });

    it("blinks when the gaze of others jumps", () => {
        const life = live({ seed: 3, blink: 1 });
        const shifts = 24;
        let blinks = 0;
        const there = new SaidSource({ eyeLookOutLeft: 0.9, eyeLookInRight: 0.9 });
        const handle = face.mixer.add(there, { fadeS: 0, weight: 0 });
        for (let shift = 0; shift < shifts; shift++) {
            handle.weight = 1 - handle.weight;
            blinks += Math.min(1, Rises([0, ...Watch(face, 0.5, () => face.weight("eyeBlinkLeft"))]));
            face.draw(20);
        }
        expect(life.blink).toBe(1);
        expect(blinks / shifts).toBeGreaterThan(0.35);
        expect(blinks / shifts).toBeLessThan(0.9);
    });

    it("can be still, and refuses what is out of range or on another avatar", () => {
        const life = live({ blink: false, saccades: false, breathing: false, sway: false });
        Watch(face, 2, () => face.expression.reduce((sum, value) => sum + value, 0)).forEach((sum) =>
            expect(sum).toBe(0),
        );
        expect(face.pose.every((value) => value === 0)).toBe(true);
        life.blinkNow();
        expect(Rises(Watch(face, 1, () => face.weight("eyeBlinkRight")))).toBe(1);
        const other = MakeLiveFace();
        expect(() => other.mixer.add(life, {})).toThrowError(/one avatar/);
        other.dispose();
        for (const settings of [
            { blink: 100 },
            { seed: 0.5 },
            { mood: "bored" as never },
            { mood: { ear: 1 } as never },
        ]) {
            expect(() => new LifeSource(settings as never)).toThrowError();
        }
    });
});

for (const rightHanded of [false, true]) {
    describe(`looking at something in a ${rightHanded ? "right" : "left"}-handed scene`, () => {
        let face: ILiveFace;
        beforeEach(() => (face = MakeLiveFace({ rightHanded })));
        afterEach(() => face.dispose());

        /** Degrees between an eye's line of sight, as the head model has it, and the place. */
        const offBy = (eye: 0 | 1, place: Vector3): number => {
            const side = rightHanded ? 1 : -1;
            const pose = EffectivePose(
                face.head,
                { expression: face.expression, pose: face.pose },
                new Float32Array(15),
            );
            const matrices = JointMatrices(pose, face.head.joints, new Float32Array(JointMatricesLength));
            const at = 12 * (3 + eye);
            const posed = (x: number, y: number, z: number): Vector3 => {
                const row = (index: number): number =>
                    matrices[at + 4 * index] * x +
                    matrices[at + 4 * index + 1] * y +
                    matrices[at + 4 * index + 2] * z +
                    matrices[at + 4 * index + 3];
                // The torso carries it, in the avatar's axes.
                return Vector3.TransformCoordinates(
                    new Vector3(side * row(0), row(1), row(2)),
                    face.joints.joints.torso.computeWorldMatrix(true),
                );
            };
            const [x, y, z] = face.head.joints.subarray(9 + 3 * eye, 12 + 3 * eye);
            const from = posed(x, y, z);
            const along = posed(x, y, z + 1)
                .subtract(from)
                .normalize();
            const wanted = place.subtract(from).normalize();
            return (Math.acos(Math.min(1, Vector3.Dot(along, wanted))) * 180) / Math.PI;
        };
        const look = (target: LookTarget, settings: ILookAtSettings = {}) => {
            const source = new LookAtSource(target, settings);
            return { source, handle: face.mixer.add(source, { fadeS: 0 }) };
        };

        it("both eyes find it: near, far, aside, from a turned avatar, with a clip on the neck and a bent torso", () => {
            face.node.position.set(1, 1.5, -2);
            face.node.rotation.y = 0.7;
            face.node.scaling.setAll(1.3);
            face.joints.clipJoints.torso.rotationQuaternion = Quaternion.RotationYawPitchRoll(0.1, 0.15, 0.05);
            face.joints.joints.neck.rotation.z = 0.1;
            const place = new Vector3();
            look(place);
            for (const local of [
                [0, 0, 0.3],
                [0.4, 0.2, 1],
                [-0.8, -0.3, 1.5],
                [3, 1, 5],
                [-4, -1, 2],
            ]) {
                Vector3.TransformCoordinatesToRef(Vector3.FromArray(local), face.node.computeWorldMatrix(true), place);
                face.draw(150);
                expect(offBy(0, place)).withContext(`left ${local.join()}`).toBeLessThan(0.5);
                expect(offBy(1, place)).withContext(`right ${local.join()}`).toBeLessThan(0.5);
            }
        });

        it("eyes jump first, the head follows, and the eyes stay on it meanwhile", () => {
            face.camera.position.set(rightHanded ? 0.6 : -0.6, 0, 1);
            look("camera");
            const eye: number[] = [];
            const neck: number[] = [];
            const off: number[] = [];
            for (let frame = 0; frame < 90; frame++) {
                face.draw();
                eye.push(0.5 * (face.weight("eyeLookOutLeft") - face.weight("eyeLookInLeft")));
                neck.push(face.pose[4]);
                off.push(offBy(0, face.camera.position));
            }
            const aim = Math.atan2(0.6, 1);
            expect(neck[8]).toBeLessThan(0.15 * aim); // 130 ms
            expect(eye[8]).toBeGreaterThan(0.75 * Math.min(aim, Math.PI / 6));
            expect(neck[89]).toBeGreaterThan(0.35 * aim);
            expect(eye[89]).toBeLessThan(0.65 * eye[8]);
            off.slice(40).forEach((degrees) => expect(degrees).toBeLessThan(1));
        });

        it("squints at near things, unless told not to", () => {
            const place = new Vector3(0, 0.02, 0.25);
            const { handle } = look(place);
            face.draw(60);
            expect(face.weight("eyeLookInLeft")).toBeGreaterThan(0.2);
            expect(face.weight("eyeLookInLeft")).toBeCloseTo(face.weight("eyeLookInRight"), 5);
            handle.remove();
            look(place, { vergence: false });
            face.draw(60);
            expect(face.weight("eyeLookInLeft")).toBeLessThan(0.02);
        });

        it("keeps to its limits, and gives up what is behind", () => {
            const node = new TransformNode("target", face.scene);
            node.position.set(rightHanded ? 2 : -2, 0, 0.2);
            look(node, { headYawLimit: 40, eyeLimit: 20 });
            face.draw(150);
            expect(face.pose[4]).toBeCloseTo((40 * Math.PI) / 180, 3);
            expect(face.weight("eyeLookOutLeft")).toBeCloseTo((20 * Math.PI) / 180 / 0.5, 3);
            node.position.set(0, 0, -2);
            face.draw(200);
            expect(Math.abs(face.pose[4])).toBeLessThan(0.01);
        });

        it("turns the eyes only, where the mask says so, from where a clip has the head", () => {
            const place = new Vector3(rightHanded ? 0.3 : -0.3, 0, 1);
            face.joints.clipJoints.neck.rotationQuaternion = Quaternion.RotationYawPitchRoll(
                rightHanded ? -0.2 : 0.2,
                0,
                0,
            );
            face.mixer.add(new LookAtSource(place), { fadeS: 0, mask: ["gaze"] });
            face.draw(100);
            expect(face.pose[4]).toBeCloseTo(-0.2, 5);
            expect(offBy(0, place)).toBeLessThan(0.5);
        });

        it("lets go where there is nothing, and asks functions", () => {
            const { source, handle } = look((place) => {
                place.set(0, 0, 1);
            });
            face.draw(2);
            expect(handle.isSpeaking).toBe(true);
            source.target = () => false;
            face.draw();
            expect(handle.isSpeaking).toBe(false);
            source.target = null;
            face.draw();
            expect(handle.isSpeaking).toBe(false);
        });
    });
}

describe("settings of looking", () => {
    it("out of range are refused", () => {
        expect(() => new LookAtSource("camera", { head: 2 })).toThrowError(/head/);
        expect(() => new LookAtSource("camera", { eyeLimit: NaN })).toThrowError(/eyeLimit/);
    });
});
