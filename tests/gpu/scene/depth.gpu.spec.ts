// Depth as the scene has it: reversed, logarithmic, of an orthographic camera; and the renderers that make depth and geometry buffers.
import "@babylonjs/core/Rendering/depthRendererSceneComponent";
import "@babylonjs/core/Rendering/geometryBufferRendererSceneComponent";
import "@babylonjs/core/Rendering/prePassRendererSceneComponent";
import { Camera } from "@babylonjs/core/Cameras/camera";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import type { Material } from "@babylonjs/core/Materials/material";
import type { RenderTargetTexture } from "@babylonjs/core/Materials/Textures/renderTargetTexture";
import { AddBox } from "../plugin/stage";
import { ExpectAlike, ExpectColor, MakeSolid, PixelOf, ShootAsync, type Rgb } from "./pictures";
import { ShareStage, type ISharedStage } from "./sharedStage";

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

    it("does not reach a depth renderer's map, which stays that of the meshes", async () => {
        const { scene, camera, avatar } = stage;
        AddBoxes(stage);
        const picture = await ShootAsync(stage);
        const renderer = scene.enableDepthRenderer(camera);
        renderer.forceDepthWriteTransparentMeshes = true;
        try {
            ExpectAlike(await ShootAsync(stage, 3), picture, 0);
            const withAvatar = await renderer.getDepthMap().readPixels();
            avatar.setEnabled(false);
            await ShootAsync(stage, 2);
            expect(await renderer.getDepthMap().readPixels()).toEqual(withAvatar);
            expect(new Set(withAvatar as Float32Array).size).toBeGreaterThan(3);
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
            const normals = (): Promise<unknown> => (renderer.getGBuffer().textures[1] as RenderTargetTexture).readPixels()!;
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
