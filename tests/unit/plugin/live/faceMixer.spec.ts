// Mixing of sources with clips and sliders: the documented order against the formula, fades, masks, ends. NullEngine.
import { Animation } from "@babylonjs/core/Animations/animation";
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { Quaternion } from "@babylonjs/core/Maths/math.vector";
import { FlexAvatarError } from "../../../../src/flame/error";
import type { IFaceFrame, IFaceHost, IFaceSource } from "../../../../src/plugin/live/faceSource";
import { FrameS, MakeLiveFace, SaidSource, TurnAbout, type ILiveFace } from "../../../support/liveFace";

function CodeOf(call: () => unknown): string {
    try {
        call();
        return "none";
    } catch (error) {
        return error instanceof FlexAvatarError ? error.code : `foreign: ${String(error)}`;
    }
}

for (const rightHanded of [false, true]) {
    describe(`the face mixer in a ${rightHanded ? "right" : "left"}-handed scene`, () => {
        let face: ILiveFace;
        beforeEach(() => (face = MakeLiveFace({ rightHanded })));
        afterEach(() => face.dispose());

        /** A clip that stands at a weight and a turn of the neck about y, in canonical axes. */
        const playStill = (jawOpen: number, yaw: number): AnimationGroup => {
            const group = new AnimationGroup("still", face.scene);
            const keys = (value: unknown) => [
                { frame: 0, value },
                { frame: 60, value },
            ];
            const weight = new Animation("jawOpen", "influence", 60, Animation.ANIMATIONTYPE_FLOAT);
            weight.setKeys(keys(jawOpen));
            group.addTargetedAnimation(weight, face.tracks.getTrack("jawOpen"));
            const turn = new Animation("neck", "rotationQuaternion", 60, Animation.ANIMATIONTYPE_QUATERNION);
            turn.setKeys(keys(new Quaternion(0, Math.sin((rightHanded ? yaw : -yaw) / 2), 0, Math.cos(yaw / 2))));
            group.addTargetedAnimation(turn, face.joints.clipJoints.neck);
            group.start(true);
            return group;
        };

        it("equals the formula: a clip, a masked and weighted source, an additive one", () => {
            playStill(0.6, 0.3);
            face.tracks.getTrack("browInnerUp").influence = 0.35; // a slider
            const first = new SaidSource(
                { jawOpen: 0.1, mouthSmileLeft: 0.8, browInnerUp: 1 },
                { neck: TurnAbout("y", -0.5), jaw: TurnAbout("x", 0.2) },
            );
            const added = new SaidSource({ jawOpen: 0.5, cheekPuff: 1 }, { neck: TurnAbout("y", 0.2) }, 0.5, "added");
            face.mixer.add(added, { additive: true, weight: 0.6, fadeS: 0 });
            face.mixer.add(first, { weight: 0.7, mask: { mouth: 1, neck: 0.5, jawOpen: 0.5 }, fadeS: 0 });
            face.draw(3);
            const expected = {
                jawOpen: 0.6 + 0.35 * (0.1 - 0.6) + 0.3 * 0.5,
                mouthSmileLeft: 0.7 * 0.8,
                browInnerUp: 0.35, // masked
                cheekPuff: 0.3,
            };
            for (const [name, weight] of Object.entries(expected)) {
                expect(Math.abs(face.weight(name as keyof typeof expected) - weight))
                    .withContext(name)
                    .toBeLessThan(1e-5);
            }
            // About one axis a slerp is a lerp of angles.
            const neck = 0.3 + 0.35 * (-0.5 - 0.3) + 0.3 * 0.2;
            expect(Math.abs(face.pose[4] - neck)).toBeLessThan(1e-5);
            expect(Math.abs(face.pose[6] - 0.7 * 0.2)).toBeLessThan(1e-5);
        });

        it("mixes by priority, and clamps at the end only", () => {
            face.tracks.getTrack("jawOpen").influence = 1.5; // kept beyond 1, so that blends add up
            const low = face.mixer.add(new SaidSource({ jawOpen: 1 }), { priority: 1, weight: 0.5, fadeS: 0 });
            face.mixer.add(new SaidSource({ jawOpen: 0.2 }), { priority: 2, weight: 0.25, fadeS: 0 });
            face.draw();
            expect(face.weight("jawOpen")).toBeCloseTo(1.25 + 0.25 * (0.2 - 1.25), 5);
            face.mixer.add(new SaidSource({ jawOpen: 0.8 }), { additive: true, fadeS: 0 });
            face.draw();
            expect(face.weight("jawOpen")).toBe(1);
            expect(face.mixer.handles[0]).toBe(low);
            expect(face.tracks.getTrack("jawOpen").influence).toBe(1.5);
        });

        it("turns all five joints in canonical axes, and lifts the torso", () => {
            const turn = TurnAbout("z", 0.4);
            const source: IFaceSource = {
                name: "lift",
                readFrame: (frame) => {
                    for (let joint = 0; joint < 5; joint++) {
                        frame.turns.set(turn, 4 * joint);
                        frame.saysTurns[joint] = 1;
                    }
                    frame.lift.set([0.01, 0.02, 0.03]);
                    return true;
                },
            };
            const handle = face.mixer.add(source, { fadeS: 0 });
            face.draw();
            for (const at of [5, 8, 11, 14]) {
                expect(face.pose[at]).toBeCloseTo(0.4, 5);
            }
            const { position, rotationQuaternion } = face.joints.sourceJoints.torso;
            const side = rightHanded ? 1 : -1;
            expect(position.asArray().map((value) => Math.round(1e6 * value))).toEqual([side * 10000, 20000, 30000]);
            expect(rotationQuaternion!.z).toBeCloseTo(side * Math.sin(0.2), 6);
            handle.remove();
            face.draw();
            expect([...face.pose].every((value) => value === 0)).toBe(true);
            expect(position.length()).toBe(0);
        });

        it("moves the torso from where the clip has it, as far as it counts", () => {
            const side = rightHanded ? 1 : -1;
            const { clipJoints, sourceJoints } = face.joints;
            clipJoints.torso.position.set(0.1 * side, 0.2, 0.3);
            const lifted = (name: string): IFaceSource => ({
                name,
                readFrame: (frame: IFaceFrame): boolean => {
                    frame.turns.set([0, 0, 0, 1]);
                    frame.saysTurns[0] = 1;
                    frame.lift.set([0.02, 0.04, 0.06]);
                    return true;
                },
            });
            const whole = face.mixer.add(lifted("instead"), { additive: false, weight: 0.25, fadeS: 0 });
            face.draw();
            const place = (): number[] => {
                const { x, y, z } = clipJoints.torso.position.add(sourceJoints.torso.position);
                return [side * x, y, z];
            };
            const instead = [0.08, 0.16, 0.24]; // a quarter of the way from the clip's to the source's
            place().forEach((value, axis) => expect(value).toBeCloseTo(instead[axis], 6));
            face.mixer.add(lifted("on top"), { additive: true, weight: 0.5, fadeS: 0 });
            face.draw();
            place().forEach((value, axis) => expect(value).toBeCloseTo(instead[axis] + 0.01 * (axis + 1), 6));
            whole.remove();
            face.draw();
            place().forEach((value, axis) => expect(value).toBeCloseTo(0.11 * (axis + 1), 6));
        });

        it("multiplies with what the user turns, and leaves it alone", () => {
            face.joints.joints.neck.rotation.y = rightHanded ? 0.25 : -0.25;
            face.mixer.add(new SaidSource({}, { neck: TurnAbout("y", 0.5) }), { fadeS: 0 });
            face.draw(2);
            expect(face.pose[4]).toBeCloseTo(0.75, 5);
            expect(Math.abs(face.joints.joints.neck.rotation.y)).toBe(0.25);
        });
    });
}

describe("a source on an avatar", () => {
    let face: ILiveFace;
    beforeEach(() => (face = MakeLiveFace()));
    afterEach(() => face.dispose());

    it("comes and goes evenly, in the scene's time", () => {
        const source = new SaidSource({ jawOpen: 1 });
        face.mixer.add(source, { fadeS: 10 * FrameS });
        face.draw(6);
        expect(face.weight("jawOpen")).toBeCloseTo(0.5, 5); // the first frame has no time
        face.draw(10);
        expect(face.weight("jawOpen")).toBe(1);
        source.isSpeaking = false;
        face.draw(5);
        expect(face.weight("jawOpen")).toBeCloseTo(0.5, 5);
        face.draw(10);
        expect(face.weight("jawOpen")).toBe(0);
    });

    it("fades, stops, wakes and is removed", () => {
        const source = new SaidSource({ jawOpen: 1 });
        const handle = face.mixer.add(source, { fadeS: 0 });
        face.draw();
        handle.fadeTo(0.2, 4 * FrameS);
        face.draw(2);
        expect(handle.weight).toBeCloseTo(0.6, 6);
        face.draw(8);
        expect(face.weight("jawOpen")).toBeCloseTo(0.2, 6);
        handle.stop(2 * FrameS);
        expect(handle.isActive).toBe(true);
        face.draw(4);
        expect([handle.isActive, face.weight("jawOpen")]).toEqual([false, 0]);
        const { reads } = source;
        face.draw(3);
        expect(source.reads).toBe(reads);
        handle.fadeTo(1, 0);
        face.draw();
        expect([handle.isActive, handle.isSpeaking, face.weight("jawOpen")]).toEqual([true, true, 1]);
        handle.remove();
        handle.remove();
        face.draw();
        expect([handle.isActive, face.weight("jawOpen"), face.mixer.handles.length]).toEqual([false, 0, 0]);
    });

    it("stands while animations are off, where sliders still work", () => {
        const source = new SaidSource({ jawOpen: 0.5 });
        face.mixer.add(source, { fadeS: 0 });
        face.draw(2);
        face.scene.animationsEnabled = false;
        const { reads } = source;
        face.tracks.getTrack("browInnerUp").influence = 0.4;
        face.draw(3);
        expect(source.reads).toBe(reads);
        expect([face.weight("jawOpen"), face.weight("browInnerUp")]).toEqual([0.5, Math.fround(0.4)]);
        face.scene.animationsEnabled = true;
        face.draw();
        expect(source.reads).toBe(reads + 1);
    });

    it("is asked once per frame, with the time that went by", () => {
        const source = new SaidSource();
        face.mixer.add(source, {});
        face.draw(4);
        face.mixer.update();
        expect(source.deltas).toEqual([0, FrameS, FrameS, FrameS]);
    });

    it("is told where it is, and that it leaves", () => {
        const calls: string[] = [];
        const source = {
            name: "told",
            readFrame: () => false,
            attach: ({ node, head }: IFaceHost) => calls.push(`attach ${node.name} ${head.name}`),
            detach: () => calls.push("detach"),
            dispose: () => calls.push("dispose"),
        } as IFaceSource;
        face.mixer.add(source, {});
        expect(CodeOf(() => face.mixer.add(source, {}))).toBe("invalid-argument");
        face.mixer.dispose();
        expect(calls).toEqual(["attach ada tiny", "detach"]); // it is its maker's
    });

    it("that fails is given up with a notice, and the others go on", () => {
        const broken: IFaceSource = {
            name: "broken",
            readFrame: () => {
                throw new Error("no microphone");
            },
        };
        const handle = face.mixer.add(broken, {});
        face.mixer.add(new SaidSource({ jawOpen: 0.5 }), { fadeS: 0 });
        face.draw(3);
        expect(face.weight("jawOpen")).toBe(0.5);
        expect(handle.isActive).toBe(false);
        expect(face.notices.map(({ code }) => code)).toEqual(["source-failed"]);
        expect(face.notices[0].message).toContain("no microphone");
    });

    it("that says what is no number is not heard", () => {
        const source: IFaceSource = {
            name: "nan",
            readFrame: (frame: IFaceFrame) => {
                frame.weights.fill(NaN);
                frame.says.fill(1);
                frame.turns.fill(NaN);
                frame.saysTurns.fill(1);
                return true;
            },
        };
        face.tracks.getTrack("jawOpen").influence = 0.25;
        face.mixer.add(source, { fadeS: 0 });
        face.draw(2);
        expect(face.weight("jawOpen")).toBe(0.25);
        expect([...face.expression, ...face.pose].every(Number.isFinite)).toBe(true);
    });

    it("refuses wrong settings", () => {
        const source = new SaidSource();
        for (const settings of [
            { weight: 2 },
            { weight: NaN },
            { fadeS: -1 },
            { priority: NaN },
            { mask: ["lips"] as never },
            { mask: { mouth: 1.5 } },
        ]) {
            expect(CodeOf(() => face.mixer.add(source, settings)))
                .withContext(JSON.stringify(settings))
                .toBe("invalid-argument");
        }
        expect(CodeOf(() => face.mixer.add({ name: "none" } as never, {}))).toBe("invalid-argument");
        const handle = face.mixer.add(source, {});
        expect(CodeOf(() => (handle.weight = -1))).toBe("invalid-argument");
        expect(CodeOf(() => handle.fadeTo(0.5, NaN))).toBe("invalid-argument");
    });

    it("tells how old what it says is", () => {
        const source: IFaceSource = {
            name: "late",
            readFrame: (frame) => {
                frame.sampledAtMs = performance.now() - 40;
                return true;
            },
        };
        const handle = face.mixer.add(source, {});
        expect(handle.latencyMs).toBeNaN();
        expect(handle.sampledAtMs).toBeNaN();
        face.draw();
        expect(handle.latencyMs).toBeGreaterThanOrEqual(40);
        expect(performance.now() - handle.sampledAtMs).toBeGreaterThanOrEqual(handle.latencyMs);
    });
});
