/**
 * A person as a mesh: on the left the avatar, on the right its exported glTF file, which any engine shows. With `?webgl`
 * in the address the avatar is such a mesh too, as everywhere without WebGPU.
 */
import { LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { FlexAvatarComponent } from "babylon-flexavatar";
import { AddPersonAsync, EyeHeight, FlexAvatarUrl, ShowAsync } from "../shared/stage";

await ShowAsync(async ({ scene, camera, panel }) => {
    camera.radius = 2.1;
    camera.target.y -= 0.07;
    const component = FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
    const avatar = await AddPersonAsync(component, panel);
    avatar.position.x = 0.26; // the camera looks at faces, so the left of the picture is +X
    await avatar.whenRefinedAsync(); // before, it has neither the photo's detail nor hair and shoulders
    const file = await avatar.exportMeshAsync();

    const loaded = await LoadAssetContainerAsync(new Uint8Array(file), scene, { pluginExtension: ".glb" });
    loaded.addAllToScene();
    (loaded.rootNodes[0] as TransformNode).position.set(-0.26, EyeHeight, 0);
    const head = loaded.transformNodes.find(({ name }) => name === "Head")!;
    const targets = loaded.morphTargetManagers[0];

    const move = (label: string, ...names: string[]): void => {
        panel.addSlider(label, [0, 1], 0, (value) => {
            for (const name of names) {
                avatar.expression.getTrack(name).influence = value;
                targets.getTargetByName(name)!.influence = value;
            }
        });
    };
    move("Open the mouth", "jawOpen");
    move("Smile", "mouthSmileLeft", "mouthSmileRight");
    move("Close the eyes", "eyeBlinkLeft", "eyeBlinkRight");
    panel.addSlider("Turn", [-0.8, 0.8], 0, (value) => {
        avatar.neck.rotation.y = value;
        head.rotationQuaternion = null;
        head.rotation.y = -value; // the file's own axes are right-handed
    });
    panel.addButton("Save to a file", () => {
        const link = Object.assign(document.createElement("a"), {
            href: URL.createObjectURL(new Blob([file])),
            download: "ada.glb",
        });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
    panel.say(`${(file.byteLength / 1e6).toFixed(1)} MB.`);
});
