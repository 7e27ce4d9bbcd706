"""Cameras and displacements in closed form, against pinhole cameras whose truth is known."""

import math

import pytest
import torch

from training.models.alignment import HEIGHTS, METERS, Alignment, across, fit_camera, inverse3, project, triangulate
from training.models.avatar import Avatar, ModelConfig
from training.models.base_maps import set_surface_maps


def head_points(count: int = 900) -> torch.Tensor:
    """Points on the front of an ellipsoid of a head's size, [1, 3, k] meters."""
    torch.manual_seed(3)
    p = torch.randn(3, count)
    p = p / p.norm(dim=0) * torch.tensor([[0.08], [0.12], [0.10]])
    return p[None, :, p[2] > 0]


def pinhole(points: torch.Tensor, yaw: float, distance: float, focal: float = 1.2) -> tuple[torch.Tensor, torch.Tensor]:
    """Photo coordinates [1, 2, k] and the line of sight [3] of a camera that looks at the origin."""
    c, s = torch.cos(torch.tensor(yaw)), torch.sin(torch.tensor(yaw))
    # right, down, away
    rotation = torch.stack([torch.stack([c, 0 * c, -s]), torch.tensor([0.0, -1.0, 0.0]), torch.stack([-s, 0 * c, -c])])
    x, y, z = (rotation @ points[0]).unbind(0)
    z = z + distance
    return torch.stack([0.5 + focal * x / z, 0.5 + focal * y / z])[None], rotation[2]


def test_inverse_of_symmetric_matrices():
    a = torch.randn(5, 3, 3)
    a = a @ a.transpose(1, 2) + 0.1 * torch.eye(3)
    rows = inverse3(tuple(a[:, i : i + 1] for i in range(3)), dim=2)
    assert torch.allclose(torch.cat(rows, 1), torch.linalg.inv(a), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("yaw", [0.0, 0.6, -1.2])
@pytest.mark.parametrize("distance", [0.45, 1.5])
def test_camera_is_found_from_what_is_seen(yaw, distance):
    """A phone at arm's length included: within a pixel of 256, where an affine camera alone is several off."""
    points = head_points()
    xy, view = pinhole(points, yaw, distance)
    camera = fit_camera(points, xy, torch.ones_like(xy[:, :1]))
    error = (project(camera, points) - xy).norm(dim=1) * 256
    affine = (camera.affine @ (points - camera.centre) + camera.shift - xy).norm(dim=1) * 256
    assert error.mean() < 0.6 and error.mean() < 0.35 * affine.mean()
    assert (camera.view[0, :, 0] @ view).abs() > 0.99


def test_no_weight_gives_no_camera_and_no_displacement():
    points = head_points()
    xy, _ = pinhole(points, 0.3, 1.0)
    camera = fit_camera(points, xy, torch.zeros_like(xy[:, :1]))
    assert torch.isfinite(project(camera, points)).all()
    assert across(camera, xy - project(camera, points)).abs().max() == 0


def test_displacement_across_the_line_of_sight_is_recovered():
    points = head_points()
    xy, view = pinhole(points, 0.4, 1.2)
    camera = fit_camera(points, xy, torch.ones_like(xy[:, :1]))
    move = 0.005 * torch.nn.functional.normalize(torch.linalg.cross(view, torch.tensor([0.0, 1.0, 0.0])), dim=0)
    seen = across(camera, pinhole(points + move[None, :, None], 0.4, 1.2)[0] - xy)
    assert (seen - move[None, :, None]).norm(dim=1).mean() < 0.0008
    along = across(camera, pinhole(points + 0.005 * view[None, :, None], 0.4, 1.2)[0] - xy)
    assert along.norm(dim=1).mean() < 0.0008, "one photo does not show depth"


def test_two_photos_give_depth_that_one_does_not():
    views = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]).reshape(1, 2, 3, 1)
    truth = torch.tensor([0.004, -0.002, 0.006]).reshape(1, 1, 3, 1)
    seen = truth - views * (views * truth).sum(2, keepdim=True)
    trust = torch.full((1, 2, 1, 1), 100.0)
    assert (triangulate(seen, views, trust) - truth[:, 0]).abs().max() < 1e-4
    one = triangulate(seen[:, :1], views[:, :1], trust[:, :1])
    assert one[0, 2].abs() < 1e-6 and (one[0, :2] - truth[0, 0, :2]).abs().max() < 1e-4
    assert triangulate(seen, views, 0 * trust).abs().max() < 1e-7
    assert torch.allclose(triangulate(seen.flip(1), views.flip(1), trust), triangulate(seen, views, trust), atol=1e-7)


def test_a_fresh_second_look_changes_next_to_nothing_and_learns():
    torch.manual_seed(0)
    avatar = Avatar(ModelConfig.load("nano-128")).eval()
    set_surface_maps(avatar)
    align = avatar.pixel_skip.align
    assert isinstance(align, Alignment) and align.inside.sum() > 2000 and align.rest.abs().max() > 0.05
    photos, anchors, prior = torch.rand(1, 2, 3, 256, 256), torch.rand(1, 2, 3, 64, 64), torch.rand(1, 4, 64, 64)
    looked = avatar(photos, anchors, prior)
    avatar.pixel_skip.align = None
    plain = avatar(photos, anchors, prior)
    avatar.pixel_skip.align = align
    assert (looked.photo_coordinates - plain.photo_coordinates).abs().max() == 0
    assert (looked.static_map - plain.static_map)[:, :3].abs().max() < 0.3 * METERS
    looked.photo_coordinates.sum().backward()
    assert align.out.weight.grad.abs().max() > 0


def test_what_a_photo_shows_as_background_is_outside_the_hull():
    """A ball with 12 mm of hair, seen from the front and from the side: above the hair there is background where the
    outline is seen."""
    size, thick, side = 24, 0.012, 0.1
    align = Alignment((8, 8), 4, 4, size)
    torch.manual_seed(1)
    normals = torch.nn.functional.normalize(torch.randn(3, size * size), dim=0)
    align.outward.copy_(normals.reshape(1, 3, size, size))
    points, photos, seen, views = side * normals[None], [], [], []
    pixel = (torch.arange(256) + 0.5) / 256 - 0.5
    for yaw in (0.0, 1.5708):
        xy, view = pinhole(points, yaw, 1.2)
        outline = 1.2 * (side + thick) / math.sqrt(1.2**2 - (side + thick) ** 2)
        disc = (pixel[:, None] ** 2 + pixel[None] ** 2).sqrt() < outline
        photos.append((0.5 - 0.4 * disc.float())[None].repeat(3, 1, 1))
        seen.append(xy[0])
        views.append(view)
    xy = torch.stack(seen)
    camera = fit_camera(points.repeat(2, 1, 1), xy, torch.ones(2, 1, size * size))
    shown, hull = align.outlined(torch.stack(photos)[None], camera, points.repeat(2, 1, 1))
    shown, hull = shown.flatten(2), hull[0].flatten(1)
    below, above = HEIGHTS.index(0.006), HEIGHTS.index(0.03)
    facing = [(view @ normals).abs() for view in views]
    for k in range(2):
        rim = facing[k] < 0.15
        assert shown[k, below, rim].mean() > 0.9 and shown[k, above, rim].mean() < 0.1
        assert shown[k, above, facing[k] > 0.8].min() > 0.9, "in front of the ball nothing can be told"
    carved = (facing[0] < 0.15) & (facing[1] > 0.5)  # the rim of one photo only: all photos together tell it anyway
    assert carved.any() and hull[above, carved].mean() < 0.1 and hull[below, carved].mean() > 0.85
