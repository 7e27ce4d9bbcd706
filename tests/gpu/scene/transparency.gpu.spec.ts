// Order-independent transparency: Babylon peels transparent meshes in layers. Heads are drawn before them and hide what is behind.
import "@babylonjs/core/Engines/AbstractEngine/abstractEngine.alpha";
import "@babylonjs/core/Rendering/depthPeelingSceneComponent";
import "@babylonjs/core/Rendering/prePassRendererSceneComponent";
import "@babylonjs/core/ShadersWGSL/oitFinal.fragment"; // Babylon 9.34 imports it nowhere
import { DepthPeelingRenderer } from "@babylonjs/core/Rendering/depthPeelingRenderer";
import { StandardMaterial } from "@babylonjs/core/Materials/standardMaterial";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { CreatePlane } from "@babylonjs/core/Meshes/Builders/planeBuilder";
import { AddBox, CanvasPx, PixelsAsync, RenderFrame } from "../plugin/stage";
import { ExpectAlike, ExpectColor, Lit, MakeSolid, PixelOf, ShootAsync, type Rgb } from "./pictures";
import { ShareStage } from "./sharedStage";

const avatarColor: Rgb = [200, 120, 60];
const Middle: [number, number] = [CanvasPx / 2, CanvasPx / 2];

describe("order-independent transparency with an avatar", () => {
    const stage = ShareStage(MakeSolid(avatarColor));

    function AddGlass(name: string, color: Color3, position: Vector3): void {
        const sheet = CreatePlane(name, { size: 0.06 }, stage.scene);
        sheet.position.copyFrom(position);
        const material = new StandardMaterial(name, stage.scene);
        Object.assign(material, { emissiveColor: color, disableLighting: true, backFaceCulling: false, alpha: 0.5 });
        sheet.material = material;
    }

    /** Babylon's peeling is ready only once it has been rendered. */
    async function PeeledAsync(): Promise<Uint8ClampedArray> {
        for (let frame = 0; frame < 10; frame++) {
            RenderFrame(stage);
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        RenderFrame(stage);
        const url = stage.canvas.toDataURL();
        return PixelsAsync(url);
    }

    it("draws the head whole, glass before it over it, and nothing of what is behind it", async () => {
        const { scene } = stage;
        expect(DepthPeelingRenderer).toBeDefined();
        const near = new Vector3(0.02, 0.03, 0.2);
        const far = new Vector3(0, 0, -0.2);
        const beside = new Vector3(0.19, 0, -0.2);
        const wall = new Vector3(-0.15, 0.05, -0.2);
        AddGlass("near", new Color3(0, 1, 0), near);
        AddGlass("far", new Color3(0, 0, 1), far);
        AddGlass("beside", new Color3(0, 0, 1), beside);
        AddBox(scene, "wall", new Color3(0.4, 0.4, 0.4), 0.05, wall);
        const sorted = await ShootAsync(stage, 3);
        scene.useOrderIndependentTransparency = true;
        try {
            const peeled = await PeeledAsync();
            const below: [number, number] = [Middle[0] + 4, Middle[1] + 20];
            ExpectColor(sorted, below, avatarColor, 2, "sorted");
            ExpectColor(peeled, below, avatarColor, 4, "the face");
            ExpectColor(peeled, PixelOf(stage, near), [100, 187, 30], 6, "through the glass before it");
            ExpectColor(peeled, PixelOf(stage, new Vector3(-0.03, 0, 0.09)), avatarColor, 4, "before the glass behind it");
            ExpectColor(peeled, PixelOf(stage, beside), [0, 0, 127], 4, "glass beside it");
            ExpectColor(peeled, PixelOf(stage, wall), [102, 102, 102], 4, "an opaque mesh");
            ExpectAlike(peeled, sorted, 12, 0.05, "peeled and sorted");
        } finally {
            scene.useOrderIndependentTransparency = false;
            scene.disablePrePassRenderer();
        }
        ExpectAlike(await ShootAsync(stage, 4), sorted, 0, 0, "sorted again");
    }, 40000);

    it("draws the head alone, without any glass", async () => {
        const { scene } = stage;
        const sorted = await ShootAsync(stage, 2);
        scene.useOrderIndependentTransparency = true;
        try {
            const peeled = await PeeledAsync();
            expect(Lit(peeled)).toBeGreaterThan(1000);
            ExpectAlike(peeled, sorted, 12, 0.05);
        } finally {
            scene.useOrderIndependentTransparency = false;
            scene.disablePrePassRenderer();
        }
    });
});
