// Fog and clip planes: what the scene does to meshes it does to avatars.
import { Camera } from "@babylonjs/core/Cameras/camera";
import "@babylonjs/core/Culling/ray";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { Plane } from "@babylonjs/core/Maths/math.plane";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Scene } from "@babylonjs/core/scene";
import { CanvasPx, ColorAt } from "../../support/stage";
import {
    ExpectAlike,
    ExpectColor,
    HeadPoint,
    Lit,
    MakeSolid,
    PixelOf,
    ShootAsync,
    type Rgb,
} from "../../support/pictures";
import { ShareStage } from "../../support/sharedStage";

const Middle = CanvasPx / 2;

const avatarColor: Rgb = [230, 120, 40];

const fogColor: Rgb = [20, 90, 200];
/** Share of the avatar's own color at a distance from the eye, by Babylon's definition of the modes. */
const left = {
    FOGMODE_EXP: (distance: number) => Math.exp(-distance * 1.5),
    FOGMODE_EXP2: (distance: number) => Math.exp(-((distance * 1.5) ** 2)),
    FOGMODE_LINEAR: (distance: number) => (0.8 - distance) / (0.8 - 0.2),
};

for (const rightHanded of [false, true]) {
    describe(`fog and clip planes on an avatar in a ${rightHanded ? "right" : "left"}-handed scene`, () => {
        const stage = ShareStage(MakeSolid(avatarColor), { rightHanded });

        it("fog takes the share of each mode at the distance of the surface, off the middle of the picture too", async () => {
            const { scene, camera, avatar } = stage;
            camera.fov = 1.2;
            camera.position.z = 0.4;
            avatar.position.x = 0.14; // here the distance is 10 % longer than the depth
            const pixel = PixelOf(stage, new Vector3(0.14, 0.01, 0.09));
            ExpectColor(await ShootAsync(stage), pixel, avatarColor, 2, "no fog");
            const distance = Vector3.Distance(HeadPoint(stage, pixel), camera.position);
            expect(distance / (camera.position.z - HeadPoint(stage, pixel).z)).toBeGreaterThan(1.08);
            scene.fogColor = new Color3(...fogColor.map((value) => value / 255));
            scene.fogDensity = 1.5;
            scene.fogStart = 0.2;
            scene.fogEnd = 0.8;
            for (const [mode, share] of Object.entries(left)) {
                scene.fogMode = Scene[mode as keyof typeof left];
                const kept = share(distance);
                const expected = avatarColor.map((value, channel) => kept * value + (1 - kept) * fogColor[channel]);
                ExpectColor(await ShootAsync(stage), pixel, expected as unknown as Rgb, 4, mode);
            }
            avatar.splatMesh.applyFog = false;
            ExpectColor(await ShootAsync(stage), pixel, avatarColor, 2, "applyFog off");
            avatar.splatMesh.applyFog = true;
            scene.fogEnabled = false;
            ExpectColor(await ShootAsync(stage), pixel, avatarColor, 2, "fogEnabled off");
        });

        for (const orthographic of [false, true]) {
            it(`clip planes cut exactly at the plane, seen ${orthographic ? "in parallel" : "in perspective"}`, async () => {
                const { scene, camera, avatar } = stage;
                avatar.cullBackFaces = false; // a clip plane turns it off, and here nothing else may change
                camera.position.set(0.2, 0.1, 0.55);
                camera.setTarget(Vector3.Zero());
                if (orthographic) {
                    camera.mode = Camera.ORTHOGRAPHIC_CAMERA;
                    camera.orthoLeft = camera.orthoBottom = -0.16;
                    camera.orthoRight = camera.orthoTop = 0.16;
                }
                const whole = await ShootAsync(stage);
                // A plane that contains the eye is a line on the picture, whatever the depth: here the upright through
                // its middle.
                scene.clipPlane = Plane.FromPositionAndNormal(camera.position, camera.getDirection(Vector3.Right()));
                const cut = await ShootAsync(stage);
                const expected = whole.slice();
                const [from, to] = [Middle, CanvasPx];
                for (let y = 0; y < CanvasPx; y++) {
                    expected.fill(0, 4 * (y * CanvasPx + from), 4 * (y * CanvasPx + to));
                }
                ExpectAlike(cut, expected, 0, 0, "one half gone");
                expect(Lit(cut) / Lit(whole)).toBeLessThan(0.7);
            });
        }

        it("a view with neither is drawn without them, and the picture is the same", async () => {
            const material = stage.avatar.splatMesh.material!;
            let bound = 0;
            const observer = material.onBindObservable.add(() => bound++);
            const plain = await ShootAsync(stage);
            expect(bound).withContext("with neither").toBe(0);
            material.clipPlane = new Plane(0, 0, 1, -100); // cuts nothing
            ExpectAlike(await ShootAsync(stage), plain, 0, 0);
            expect(bound).withContext("with a plane").toBeGreaterThan(0);
            material.clipPlane = null;
            observer.remove();
        });

        it("clip planes are six, and each cuts", async () => {
            const { scene } = stage;
            const whole = Lit(await ShootAsync(stage));
            const keys = ["clipPlane", "clipPlane2", "clipPlane3", "clipPlane4", "clipPlane5", "clipPlane6"] as const;
            // Together they leave a box of 4 cm around a place on the face: what lies before any of them is cut.
            const box = [
                new Vector3(1, 0, 0),
                new Vector3(-1, 0, 0),
                new Vector3(0, 1, 0),
                new Vector3(0, -1, 0),
                new Vector3(0, 0, 1),
                new Vector3(0, 0, -1),
            ];
            const place = new Vector3(0, 0, 0.08);
            let last = whole;
            for (const [index, key] of keys.entries()) {
                scene[key] = Plane.FromPositionAndNormal(place.add(box[index].scale(0.02)), box[index]);
                const lit = Lit(await ShootAsync(stage));
                if (index < 4) {
                    expect(lit).withContext(key).toBeLessThan(last);
                }
                last = lit;
            }
            const boxed = await ShootAsync(stage);
            ExpectColor(boxed, [Middle, Middle], avatarColor);
            expect(ColorAt(boxed, Middle + 20, Middle)).toEqual([0, 0, 0]);
            expect(ColorAt(boxed, Middle, Middle + 20)).toEqual([0, 0, 0]);
            // The fifth and sixth alone: the one before the face shows nothing of it, the one behind it everything.
            for (const key of keys) {
                scene[key] = null;
            }
            scene.clipPlane5 = Plane.FromPositionAndNormal(new Vector3(0, 0, 0.03), new Vector3(0, 0, 1));
            expect(ColorAt(await ShootAsync(stage), Middle, Middle)).toEqual([0, 0, 0]);
            scene.clipPlane5 = null;
            scene.clipPlane6 = Plane.FromPositionAndNormal(new Vector3(0, 0, 0.03), new Vector3(0, 0, -1));
            ExpectColor(await ShootAsync(stage), [Middle, Middle], avatarColor);
        });
    });
}
