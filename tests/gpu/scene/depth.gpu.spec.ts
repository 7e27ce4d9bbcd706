// Depth as the scene has it: reversed, logarithmic, of an orthographic camera; and the renderers that make depth and
// geometry buffers.
import "@babylonjs/core/Rendering/depthRendererSceneComponent";
import "@babylonjs/core/Rendering/geometryBufferRendererSceneComponent";
import "@babylonjs/core/Rendering/prePassRendererSceneComponent";
import { Camera } from "@babylonjs/core/Cameras/camera";
import { Constants } from "@babylonjs/core/Engines/constants";
import { Texture } from "@babylonjs/core/Materials/Textures/texture";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import type { Material } from "@babylonjs/core/Materials/material";
import type { RenderTargetTexture } from "@babylonjs/core/Materials/Textures/renderTargetTexture";
import { DepthRenderer } from "@babylonjs/core/Rendering/depthRenderer";
import { AddBox, CanvasPx } from "../../support/stage";
import { ExpectAlike, ExpectColor, HeadPoint, MakeSolid, PixelOf, ShootAsync, type Rgb } from "../../support/pictures";
import { ShareStage, type ISharedStage } from "../../support/sharedStage";

const avatarColor: Rgb = [200, 120, 60];
const Far: Rgb = [0, 255, 0];
const Near: Rgb = [0, 0, 255];

/** A box before the head, one behind it, one in the middle of it that comes out at a side, and one beside it. */
function AddBoxes({ scene }: ISharedStage): Record<"near" | "far" | "through" | "beside", Vector3> {
    const places = {
        near: new Vector3(0.04, 0.02, 0.15),
        far: new Vector3(-0.02, 0.02, -0.15),
        through: new Vector3(0.02, -0.05, 0.035),
        beside: new Vector3(-0.16, 0, -0.1),
    };
    AddBox(scene, "near", Color3.Blue(), 0.03, places.near);
    AddBox(scene, "far", Color3.Green(), 0.06, places.far);
    AddBox(scene, "through", Color3.Red(), 0.06, places.through); // its front, at z = 0.065, ends inside the face
    AddBox(scene, "beside", Color3.Green(), 0.05, places.beside);
    return places;
}

async function ExpectOrderAsync(stage: ISharedStage, places: ReturnType<typeof AddBoxes>): Promise<Uint8ClampedArray> {
    const pixels = await ShootAsync(stage);
    ExpectColor(pixels, PixelOf(stage, places.near), Near, 0, "the box before the head");
    ExpectColor(pixels, PixelOf(stage, places.far), avatarColor, 2, "the head over the box behind");
    ExpectColor(pixels, PixelOf(stage, places.through), avatarColor, 2, "the face over the box inside");
    ExpectColor(pixels, PixelOf(stage, places.beside), Far, 0, "the box beside the head");
    return pixels;
}

describe("depth between an avatar and meshes", () => {
    const stage = ShareStage(MakeSolid(avatarColor));

    it("is right under an orthographic camera", async () => {
        const { camera } = stage;
        camera.mode = Camera.ORTHOGRAPHIC_CAMERA;
        camera.orthoLeft = camera.orthoBottom = -0.2;
        camera.orthoRight = camera.orthoTop = 0.2;
        await ExpectOrderAsync(stage, AddBoxes(stage));
    });

    it("is right with logarithmic depth, over a range where linear depth has no digits left", async () => {
        const { scene, camera, avatar } = stage;
        camera.minZ = 0.001;
        camera.maxZ = 1e6;
        const places = AddBoxes(stage);
        const materials: Material[] = [...scene.materials];
        try {
            for (const material of materials) {
                material.useLogarithmicDepth = true;
            }
            expect(avatar.splatMesh.material!.useLogarithmicDepth).toBeTrue();
            await ExpectOrderAsync(stage, places);
            // Only the avatar without it: linear depth is near one there, so everything hides it.
            avatar.splatMesh.material!.useLogarithmicDepth = false;
            const wrong = await ShootAsync(stage);
            ExpectColor(wrong, PixelOf(stage, places.far), Far, 0, "linear depth among logarithmic");
        } finally {
            avatar.splatMesh.material!.useLogarithmicDepth = false;
            camera.minZ = 0.05;
            camera.maxZ = 20;
        }
    });

    it("is right with a reversed depth buffer, with the same picture", async () => {
        const { engine, camera } = stage;
        const places = AddBoxes(stage);
        const usual = await ExpectOrderAsync(stage, places);
        engine.useReverseDepthBuffer = true;
        try {
            camera.getProjectionMatrix(true);
            const reversed = await ExpectOrderAsync(stage, places);
            ExpectAlike(reversed, usual, 2, 0.005);
        } finally {
            engine.useReverseDepthBuffer = false;
            camera.getProjectionMatrix(true);
        }
    });

    for (const [name, type, nonLinear, cameraSpaceZ, reversed] of [
        ["in proportion to the distance", Constants.TEXTURETYPE_FLOAT, false, false, false],
        ["as the depth buffer has it", Constants.TEXTURETYPE_FLOAT, true, false, false],
        ["along the view", Constants.TEXTURETYPE_FLOAT, false, true, false],
        ["in four bytes", Constants.TEXTURETYPE_UNSIGNED_BYTE, false, false, false],
        ["in proportion to the distance, reversed", Constants.TEXTURETYPE_FLOAT, false, false, true],
    ] as const) {
        it(`reaches a depth renderer's map among that of the meshes: ${name}`, async () => {
            const { scene, camera, engine } = stage;
            const boxes = AddBoxes(stage);
            camera.maxZ = 2;
            engine.useReverseDepthBuffer = reversed;
            camera.getProjectionMatrix(true);
            const picture = await ShootAsync(stage);
            const renderer = new DepthRenderer(
                scene,
                type,
                camera,
                nonLinear,
                Texture.NEAREST_SAMPLINGMODE,
                cameraSpaceZ,
            );
            scene._depthRenderer = { [camera.id]: renderer };
            try {
                ExpectAlike(await ShootAsync(stage, 4), picture, reversed ? 2 : 0, reversed ? 0.005 : 0);
                const read = await renderer.getDepthMap().readPixels();
                /** Babylon's metrics, of a distance along the view in meters. */
                const expected = (z: number): number => {
                    const clip = Vector3.TransformCoordinates(new Vector3(0, 0, z), camera.getProjectionMatrix(true));
                    const linear = reversed ? (-clip.z * z + camera.minZ) / camera.minZ : (clip.z * z) / camera.maxZ;
                    return cameraSpaceZ ? z : nonLinear ? clip.z : linear;
                };
                const at = ([x, y]: readonly number[]): number => {
                    const texel = (CanvasPx - 1 - y) * CanvasPx + x; // rows of a render target go up
                    const bytes = read as Uint8Array;
                    return type === Constants.TEXTURETYPE_FLOAT
                        ? (read as Float32Array)[texel * (read!.byteLength / 4 / CanvasPx ** 2)]
                        : [0, 1, 2, 3].reduce(
                              (sum, channel) => sum + bytes[4 * texel + channel] / 255 / 255 ** (3 - channel),
                              0,
                          );
                };
                const depthOf = (point: Vector3): number =>
                    Vector3.TransformCoordinates(point, camera.getViewMatrix()).z;
                const limit = Math.abs(expected(0.51) - expected(0.5)); // a centimeter at the face
                const face: [number, number] = [CanvasPx / 2 + 4, CanvasPx / 2 + 6];
                expect(Math.abs(at(face) - expected(depthOf(HeadPoint(stage, face))))).toBeLessThan(limit);
                const front = new Vector3(0, 0, 0.015);
                expect(
                    Math.abs(at(PixelOf(stage, boxes.near)) - expected(depthOf(boxes.near.add(front)))),
                ).toBeLessThan(0.2 * limit);
                // hidden by the head
                expect(at(PixelOf(stage, boxes.far))).not.toBeCloseTo(expected(depthOf(boxes.far)), 3);
                expect(at([2, 2])).toBeCloseTo(cameraSpaceZ ? 0 : 1, 2);
            } finally {
                scene._depthRenderer = {};
                renderer.dispose();
                engine.useReverseDepthBuffer = false;
                camera.maxZ = 20;
                camera.getProjectionMatrix(true);
            }
        });
    }

    it("leaves depth maps when it is disabled or half transparent, and comes back", async () => {
        const { scene, camera, avatar } = stage;
        const renderer = scene.enableDepthRenderer(camera);
        try {
            const countAsync = async (): Promise<number> => {
                await ShootAsync(stage, 3);
                return new Set((await renderer.getDepthMap().readPixels()) as Float32Array).size;
            };
            const all = await countAsync();
            expect(all).toBeGreaterThan(100);
            avatar.setEnabled(false);
            expect(await countAsync()).toBeLessThan(5);
            avatar.setEnabled(true);
            expect(await countAsync()).toBe(all);
            avatar.visibility = 0.4; // no splat covers half of a pixel any more
            expect(await countAsync()).toBeLessThan(5);
        } finally {
            scene.disableDepthRenderer(camera);
        }
    });

    it("leaves a geometry buffer and its own picture alone", async () => {
        const { scene, avatar } = stage;
        AddBoxes(stage);
        const picture = await ShootAsync(stage);
        const renderer = scene.enableGeometryBufferRenderer()!;
        try {
            ExpectAlike(await ShootAsync(stage, 3), picture, 0);
            const normals = (): Promise<unknown> =>
                (renderer.getGBuffer().textures[1] as RenderTargetTexture).readPixels()!;
            const withAvatar = await normals();
            avatar.setEnabled(false);
            await ShootAsync(stage, 2);
            expect(await normals()).toEqual(withAvatar);
        } finally {
            scene.disableGeometryBufferRenderer();
        }
    });

    it("keeps its colors under a prepass renderer", async () => {
        const { scene } = stage;
        const places = AddBoxes(stage);
        scene.enablePrePassRenderer()!;
        try {
            const pixels = await ShootAsync(stage, 4);
            ExpectColor(pixels, PixelOf(stage, places.near), Near, 2);
            ExpectColor(pixels, PixelOf(stage, places.far), avatarColor, 3);
        } finally {
            scene.disablePrePassRenderer();
        }
    });
});
