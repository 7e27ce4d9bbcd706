// Where an avatar stands and how it is stretched, and when it need not be drawn.
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { CanvasPx, MakeSynthetic } from "../../support/stage";
import { Psnr } from "../../support/gpu";
import { Lit, ShootAsync } from "../../support/pictures";
import { ReferencePicture } from "../../support/referencePicture";
import { ShareStage } from "../../support/sharedStage";

const synthetic = MakeSynthetic();
const unit = (pixels: ArrayLike<number>): number[] => Array.from(pixels, (value) => value / 255);

describe("a transformed avatar", () => {
    const stage = ShareStage(synthetic);

    for (const [name, scaling] of [
        ["stretched", [1.3, 0.7, 1]],
        ["mirrored", [-1, 1, 1]],
        ["mirrored twice and flattened", [-0.8, 1, -0.4]],
    ] as const) {
        it(`is the reference's picture when ${name} and under a turned parent`, async () => {
            const { avatar, scene } = stage;
            const parent = new TransformNode("parent", scene);
            parent.rotation.set(0.1, 0.3, 0.2);
            avatar.parent = parent;
            Vector3.FromArrayToRef(scaling, 0, avatar.scaling);
            const pixels = await ShootAsync(stage);
            expect(Lit(pixels)).toBeGreaterThan(1000);
            expect(
                Psnr(unit(pixels), unit(ReferencePicture(stage, avatar, synthetic, CanvasPx, CanvasPx))),
            ).toBeGreaterThan(45);
            avatar.scaling.setAll(1);
            expect(
                Psnr(unit(pixels), unit(ReferencePicture(stage, avatar, synthetic, CanvasPx, CanvasPx))),
            ).toBeLessThan(30);
            parent.dispose(true);
        });
    }

    it("is left out of the frame when no splat can be seen, and never when one can", async () => {
        const { avatar, scene } = stage;
        const meshes = (): boolean =>
            scene.getActiveMeshes().data.slice(0, scene.getActiveMeshes().length).includes(avatar.splatMesh);
        let [hidden, shown] = [0, 0];
        for (const axis of [Vector3.Right(), Vector3.Up()]) {
            for (const meters of [0.15, 0.25, 0.6, 1]) {
                avatar.position.copyFrom(axis.scale(meters));
                const isActive = (await ShootAsync(stage), meshes());
                avatar.splatMesh.alwaysSelectAsActiveMesh = true;
                const lit = Lit(await ShootAsync(stage));
                avatar.splatMesh.alwaysSelectAsActiveMesh = false;
                expect(isActive || lit === 0)
                    .withContext(`${meters} m along ${axis.toString()}: ${lit} pixels would be lit`)
                    .toBeTrue();
                hidden += isActive ? 0 : 1;
                shown += lit > 0 ? 1 : 0;
            }
        }
        expect(hidden).toBeGreaterThan(1);
        expect(shown).toBeGreaterThan(1);
    });

    it("has a box that follows the pose", async () => {
        const { avatar } = stage;
        await ShootAsync(stage);
        const upright = avatar.splatMesh.getBoundingInfo().boundingBox.maximumWorld.clone();
        avatar.neck.rotation.x = 0.8;
        await ShootAsync(stage);
        const nodding = avatar.splatMesh.getBoundingInfo().boundingBox.maximumWorld;
        // The top of the head goes forward. What follows no joint keeps the box as high as it was.
        expect(nodding.z).toBeGreaterThan(upright.z + 0.02);
    });
});
