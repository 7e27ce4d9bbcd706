// Hair that swings, as a scene moves it: head turns, bodies, parents, frame rates, pauses and jumps. NullEngine, no
// GPU.
import { Animation } from "@babylonjs/core/Animations/animation";
import "@babylonjs/core/Animations/animatable";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import { Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { PrecisionDate } from "@babylonjs/core/Misc/precisionDate";
import { Scene } from "@babylonjs/core/scene";
import { FlexAvatarError } from "../../../../src/flame/error";
import { HairSpring } from "../../../../src/plugin/page/hairSpring";
import { TinyHead } from "../../../support/heads";

/** Milliseconds from the start of a test: what Babylon's animations go by. */
let now = 0;

describe("hair on a spring", () => {
    const { joints } = TinyHead();
    const pose = new Float32Array(15);
    let engine: NullEngine;
    let scene: Scene;
    let avatar: TransformNode;
    let root: TransformNode;

    function CreateScene(rightHanded: boolean): void {
        scene?.dispose();
        engine?.dispose();
        engine = new NullEngine();
        scene = new Scene(engine);
        scene.useRightHandedSystem = rightHanded;
        new FreeCamera("camera", new Vector3(0, 0, -5), scene);
        avatar = new TransformNode("ada", scene);
        root = new TransformNode("canonical", scene);
        root.parent = avatar;
        if (!rightHanded) {
            root.rotationQuaternion = new Quaternion(0, 1, 0, 0);
            root.scaling.z = -1;
        }
        pose.fill(0);
        now = 1000;
    }
    beforeEach(() => {
        spyOnProperty(PrecisionDate, "Now").and.callFake(() => now);
        CreateScene(false);
    });
    afterEach(() => {
        scene.dispose();
        engine.dispose();
    });

    /** Renders frames: `move` is given the seconds since the start. @returns hanging and lying turns after each */
    function Play(
        spring: HairSpring,
        seconds: number,
        fps: number,
        move: (at: number) => void = () => undefined,
    ): number[][] {
        const turns: number[][] = [];
        const start = now;
        for (let frame = 1; frame <= Math.round(seconds * fps); frame++) {
            now = start + (1000 * frame) / fps;
            move((now - start) / 1000);
            scene.render();
            spring.update(root, pose);
            turns.push([...spring.hanging, ...spring.lying]);
        }
        return turns;
    }
    const smooth = (t: number): number => (t <= 0 ? 0 : t >= 1 ? 1 : t * t * (3 - 2 * t));
    /** The head goes to the side by 0.8 rad within 0.3 s. */
    const turnHead = (at: number): void => {
        pose[4] = 0.8 * smooth(at / 0.3);
    };
    const largest = (turns: number[][], component: number): number =>
        Math.max(...turns.map((turn) => Math.abs(turn[component])));

    it("lags behind a turn of the head, swings over and settles", () => {
        const spring = new HairSpring({}, joints);
        Play(spring, 0.1, 60);
        const turns = Play(spring, 4, 60, turnHead).map((turn) => turn[1]);
        expect(Math.min(...turns)).toBeLessThan(-0.2); // behind
        expect(Math.max(...turns)).toBeGreaterThan(0.03); // over
        expect(turns[turns.length - 1]).toBe(0); // and at rest, exactly
        expect([...spring.lying]).toEqual([0, 0, 0]);
        const swings = (values: readonly number[]): number =>
            values.filter((turn, i) => i > 0 && turn * values[i - 1] < 0).length;
        expect(swings(turns)).toBeGreaterThan(3);
        pose.fill(0);
        const damped = new HairSpring({ dampingRatio: 1 }, joints);
        Play(damped, 0.1, 60);
        // drawn along by the turn, then back for good
        expect(swings(Play(damped, 4, 60, turnHead).map((turn) => turn[1]))).toBeLessThan(2);
    });

    it("drags hair on the torso along with a turn of the head, lets it slide back, and a nod leaves it", () => {
        const spring = new HairSpring({}, joints);
        Play(spring, 0.1, 60);
        const lying = Play(spring, 4, 60, turnHead).map((turn) => turn[4]);
        expect(Math.max(...lying)).toBeGreaterThan(0.1); // along
        expect(Math.max(...lying)).toBeLessThan(0.3); // into no shoulder
        expect(lying[lying.length - 1]).toBe(0);
        pose.fill(0);
        const nod = Play(new HairSpring({}, joints), 1, 60, (at) => (pose[3] = 0.3 * smooth(at / 0.3)));
        expect([3, 4, 5].map((component) => largest(nod, component))).toEqual([0, 0, 0]);
    });

    it("swings to and fro at its natural frequency", () => {
        const spring = new HairSpring({ frequency: 2, dampingRatio: 0.05 }, joints);
        Play(spring, 0.1, 240);
        const turns = Play(spring, 3, 240, (at) => (pose[4] = 0.1 * smooth(at / 0.02))).map((turn) => turn[1]);
        const crossings = turns
            .slice(1)
            .flatMap((turn, i) => (turn > 0 !== turns[i] > 0 && turns[i] !== 0 ? [i / 240] : []));
        const half = (crossings[crossings.length - 1] - crossings[0]) / (crossings.length - 1);
        expect(1 / (2 * half)).toBeCloseTo(2 * Math.sqrt(1 - 0.05 ** 2), 1);
    });

    it("moves the same at 30 and at 120 frames a second", () => {
        const move = (at: number): void => {
            turnHead(at);
            avatar.position.z = 0.3 * smooth((at - 0.4) / 0.5);
            avatar.rotation.y = 0.6 * Math.sin(3 * at);
        };
        const play = (fps: number): number[][] => {
            CreateScene(false);
            const spring = new HairSpring({}, joints);
            Play(spring, 0.2, fps);
            return Play(spring, 2, fps, move).filter((_, frame) => (frame + 1) % (fps / 30) === 0);
        };
        const [slow, fast] = [play(30), play(120)];
        expect([slow.length, fast.length]).toEqual([60, 60]);
        expect(largest(fast, 1)).toBeGreaterThan(0.15);
        expect(largest(fast, 0)).toBeGreaterThan(0.05);
        const worst = Math.max(...slow.flatMap((turn, i) => turn.map((value, c) => Math.abs(value - fast[i][c]))));
        console.log(`30 against 120 fps: ${worst.toFixed(4)} rad of ${largest(fast, 1).toFixed(2)}`);
        expect(worst).toBeLessThan(0.015);
    });

    it("is as it was, to the bit, when the same is played again", () => {
        const play = (): number[][] => {
            CreateScene(false);
            const spring = new HairSpring({}, joints);
            Play(spring, 0.1, 60);
            return Play(spring, 1, 60, turnHead);
        };
        expect(play()).toEqual(play());
    });

    for (const rightHanded of [false, true]) {
        it(`stays behind where the body goes, in a ${rightHanded ? "right" : "left"}-handed scene, whatever its scale and its parents`, () => {
            CreateScene(rightHanded);
            const play = (scale: number, turn: number): number[][] => {
                CreateScene(rightHanded);
                const parent = new TransformNode("cart", scene);
                avatar.parent = parent;
                parent.rotation.y = turn;
                avatar.scaling.setAll(scale);
                const spring = new HairSpring({}, joints);
                Play(spring, 0.1, 60);
                // Along the avatar's own +Z, out of the face.
                const ahead = new Vector3(Math.sin(turn), 0, Math.cos(turn));
                return Play(spring, 0.5, 60, (at) => ahead.scaleToRef(0.2 * scale * smooth(at / 0.4), parent.position));
            };
            const turns = play(1, 0);
            // Backwards is a turn about canonical +X: what hangs below goes to −Z.
            expect(Math.max(...turns.map((turn) => turn[0]))).toBeGreaterThan(0.1);
            expect(Math.min(...turns.slice(0, 10).map((turn) => turn[0]))).toBeGreaterThanOrEqual(0);
            expect(Math.max(largest(turns, 1), largest(turns, 2))).toBeLessThan(1e-6);
            // Hair on the torso swings less.
            expect(largest(turns, 3) / largest(turns, 0)).toBeCloseTo(0.4, 1);
            for (const other of [play(3, 0), play(1, 2.2), play(0.5, -1)]) {
                expect(
                    Math.max(...other.flatMap((turn, i) => turn.map((value, c) => Math.abs(value - turns[i][c])))),
                ).toBeLessThan(2e-4);
            }
        });
    }

    it("tilts against a body that goes to its left, in scenes of both hands", () => {
        for (const rightHanded of [false, true]) {
            CreateScene(rightHanded);
            const spring = new HairSpring({}, joints);
            Play(spring, 0.1, 60);
            // The head's left is canonical +X, which is the avatar's −X in a left-handed scene.
            const turns = Play(
                spring,
                0.3,
                60,
                (at) => (avatar.position.x = (rightHanded ? 0.2 : -0.2) * smooth(at / 0.4)),
            );
            // What hangs below goes to canonical −X: a turn about −Z.
            expect(Math.min(...turns.map((turn) => turn[2]))).toBeLessThan(-0.1);
            expect(largest(turns, 0)).toBeLessThan(1e-6);
        }
    });

    it("lags behind a clip on the scene's clock, slower as the clock is, and waits where it stands still", () => {
        const play = (ratio: number, seconds: number): number[] => {
            CreateScene(false);
            scene.animationTimeScale = ratio;
            const spring = new HairSpring({}, joints);
            const frames = [
                { frame: 0, value: 0 },
                { frame: 18, value: 0.8 },
                { frame: 600, value: 0.8 },
            ];
            const clip = new Animation("turn", "rotation.y", 60, Animation.ANIMATIONTYPE_FLOAT);
            clip.setKeys(frames);
            Play(spring, 0.1, 60);
            scene.beginDirectAnimation(avatar, [clip], 0, 600, false);
            return Play(spring, seconds, 60).map((turn) => turn[1]);
        };
        const normal = play(1, 1);
        const slow = play(0.5, 2);
        expect(Math.min(...normal)).toBeLessThan(-0.2);
        const farthest = (turns: readonly number[]): number => turns.indexOf(Math.min(...turns));
        expect(Math.min(...slow)).toBeCloseTo(Math.min(...normal), 2);
        expect(Math.abs(farthest(slow) - 2 * farthest(normal))).toBeLessThan(4);

        CreateScene(false);
        const spring = new HairSpring({}, joints);
        Play(spring, 0.1, 60);
        Play(spring, 0.15, 60, turnHead);
        const held = [...spring.hanging];
        expect(held[1]).toBeLessThan(-0.1);
        scene.animationsEnabled = false;
        Play(spring, 1, 60, () => (pose[4] += 0.002)); // moved by hand, it goes along
        const length = (turn: readonly number[]): number => Math.hypot(...turn);
        expect(length([...spring.hanging])).toBeCloseTo(length(held), 9);
        expect(length(held.map((turn, i) => turn - spring.hanging[i]))).toBeLessThan(0.01);
        scene.animationsEnabled = true; // Babylon's animations leap over a pause now; hair is at rest after it
        expect(Play(spring, 0.05, 60).map((turn) => turn[1])).toEqual([0, 0, 0]);
    });

    it("goes by the steps of a lockstep engine and by a constant delta time", () => {
        CreateScene(false);
        scene.useConstantAnimationDeltaTime = true;
        const constant = new HairSpring({}, joints);
        Play(constant, 0.1, 10);
        const turns = Play(constant, 3, 10, (at) => (pose[4] = 0.3 * smooth(at / 1)));
        // Frames come ten a second and count as 16 ms.
        expect(largest(turns, 1)).toBeGreaterThan(0.1);

        scene.dispose();
        engine.dispose();
        engine = new NullEngine({
            renderWidth: 16,
            renderHeight: 16,
            textureSize: 16,
            deterministicLockstep: true,
            lockstepMaxSteps: 4,
        });
        scene = new Scene(engine);
        new FreeCamera("camera", new Vector3(0, 0, -5), scene);
        avatar = new TransformNode("ada", scene);
        root = new TransformNode("canonical", scene);
        root.parent = avatar;
        pose.fill(0);
        spyOn(engine, "getDeltaTime").and.returnValue(50); // three steps of a sixtieth of a second
        const locked = new HairSpring({}, joints);
        Play(locked, 0.2, 20);
        const steps = Play(locked, 1, 20, turnHead).map((turn) => turn[1]);
        CreateScene(false);
        const free = new HairSpring({}, joints);
        Play(free, 0.2, 20);
        const free20 = Play(free, 1, 20, turnHead).map((turn) => turn[1]);
        expect(Math.max(...steps.map((turn, i) => Math.abs(turn - free20[i])))).toBeLessThan(0.02);
    });

    it("is at rest after a jump, a hidden tab, frames that it was left out of, and a scale of nothing", () => {
        const spring = new HairSpring({}, joints);
        const swing = (): void => {
            pose.fill(0);
            Play(spring, 1.5, 60);
            Play(spring, 0.15, 60, turnHead);
            expect(spring.hanging[1]).toBeLessThan(-0.1);
        };
        const settled = (): void => expect([...spring.hanging, ...spring.lying].every((turn) => turn === 0)).toBeTrue();
        swing();
        Play(spring, 1 / 60, 60, () => (avatar.position.x += 3));
        settled();
        swing();
        Play(spring, 1 / 60, 60, () => (avatar.rotation.y += 2.5));
        settled();
        swing();
        now += 20_000;
        Play(spring, 1 / 60, 60);
        settled();
        swing();
        now += 1000 / 60;
        scene.render(); // the avatar is hidden
        Play(spring, 1 / 60, 60);
        settled();
        swing();
        avatar.scaling.setAll(0);
        Play(spring, 1 / 60, 60);
        avatar.scaling.setAll(1);
        Play(spring, 1 / 60, 60);
        settled();
        expect([...spring.hanging].every(Number.isFinite)).toBeTrue();
    });

    it("stays within half a radian and is stable, however it is shaken and however stiff it is", () => {
        const spring = new HairSpring({ frequency: 10, dampingRatio: 0.05 }, joints);
        Play(spring, 0.1, 7);
        const turns = Play(spring, 20, 7, (at) => {
            pose[3] = Math.sin(31 * at);
            pose[4] = 0.5 * Math.cos(17 * at);
            avatar.position.set(0.2 * Math.sin(40 * at), 0.2 * Math.cos(13 * at), 0);
        });
        turns.forEach(([x, y, z]) => expect(Math.hypot(x, y, z)).toBeLessThanOrEqual(0.5));
        pose.fill(0);
        expect(Play(spring, 20, 7).pop()).toEqual([0, 0, 0, 0, 0, 0]);
    });

    it("counts a motion once that is read several times in a frame, and tells whether hair moved", () => {
        const [once, often] = [new HairSpring({}, joints), new HairSpring({}, joints)];
        for (let frame = 0; frame < 30; frame++) {
            now += 1000 / 60;
            turnHead(frame / 60);
            scene.render();
            const moved = once.update(root, pose);
            expect(moved).toBe(frame > 0);
            often.update(root, pose);
            expect(often.update(root, pose)).toBeFalse();
            expect([...often.hanging]).toEqual([...once.hanging]);
        }
        Play(once, 5, 60);
        expect(once.update(root, pose)).toBeFalse();
    });

    it("has defaults and refuses what is out of range", () => {
        expect(new HairSpring({}, joints).settings).toEqual({ frequency: 1.6, dampingRatio: 0.35 });
        expect(new HairSpring({ frequency: 3 }, joints).settings).toEqual({ frequency: 3, dampingRatio: 0.35 });
        for (const settings of [
            { frequency: 0 },
            { frequency: NaN },
            { frequency: 11 },
            { dampingRatio: 0 },
            { dampingRatio: 5 },
        ]) {
            let code = "";
            try {
                new HairSpring(settings, joints);
            } catch (error) {
                code = error instanceof FlexAvatarError ? error.code : String(error);
            }
            expect(code).toBe("invalid-argument");
        }
    });
});
