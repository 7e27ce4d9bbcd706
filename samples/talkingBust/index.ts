/** Hair and shoulders: a bust speaks, breathes and turns its head; its shoulders stay, its hair swings. */
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { CreateCylinder } from "@babylonjs/core/Meshes/Builders/cylinderBuilder";
import { FlexAvatarComponent } from "babylon-flexavatar";
import {
    AddCharacterAsync,
    AddPersonAsync,
    AssetsUrl,
    CreatePaint,
    FlexAvatarUrl,
    LoadClipAsync,
    ShowAsync,
} from "../shared/stage";

const BustHeight = 0.32; // the bust ends 36 cm below the avatar's origin and fades out above

await ShowAsync(
    async ({ scene, camera, shadows, panel }) => {
        [camera.alpha, camera.beta, camera.radius] = [Math.PI / 2 - 0.15, 1.45, 2.2];
        camera.target.y = 1.42;
        const { meshes } = await AddCharacterAsync(scene);
        meshes[0].position.x = 0.32;
        const plinth = CreateCylinder(
            "plinth",
            { diameterTop: 0.3, diameterBottom: 0.34, height: 1.2, tessellation: 48 },
            scene,
        );
        plinth.position.set(-0.3, 0.6, 0.05);
        plinth.material = CreatePaint(scene, "stone", new Color3(0.55, 0.53, 0.5), 0.1);

        const component = FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
        const avatar = await AddPersonAsync(component, panel);
        avatar.position.set(-0.3, 1.2 + BustHeight, 0.05);
        avatar.hairSpring = {};
        for (const mesh of [...meshes, plinth, avatar.proxyMesh]) {
            mesh.receiveShadows = true;
            shadows.addShadowCaster(mesh, false);
        }

        // It speaks. The clip turns the face's joints; the torso is left to us.
        const clip = await LoadClipAsync(`${AssetsUrl}phrase.glb`, scene);
        avatar.bindAnimationGroup(clip, { torso: false }).start(true);

        panel.addSwitch("Shoulders", true, (on) => (avatar.bust = on ? "auto" : "none"));
        panel.addSwitch("Hair beyond the scalp", true, (on) => (avatar.hair = on ? "auto" : "scalp"));
        panel.addSwitch("Hair swings", true, (on) => (avatar.hairSpring = on ? {} : null));
        const turn = panel.addSlider("Head turn, degrees", [-60, 60], 0, () => undefined);

        // It breathes and looks around; the slider comes on top.
        let seconds = 0;
        scene.onBeforeRenderObservable.add(() => {
            seconds += scene.deltaTime / 1000;
            avatar.torso.position.y = 0.003 * Math.sin(1.6 * seconds);
            avatar.torso.rotation.x = 0.012 * Math.sin(1.6 * seconds + 0.4);
            avatar.neck.rotation.y = 0.35 * Math.sin(0.7 * seconds) + (Number(turn.value) * Math.PI) / 180;
        });
    },
    { withGround: true },
);
