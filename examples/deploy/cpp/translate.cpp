// Translate one picture with libtorch:  translate MODEL.pt INPUT.ppm OUTPUT.ppm 0 1 0 0 1
//
// MODEL.pt comes from: stargan export WEIGHTS --to torchscript --uint8
// The pictures are binary PPM of the model's own size, so that the program needs no image library. The numbers are
// the label, in the order of `attributes` in MODEL.pt.json. If it has several `sets`, the label ends with a number for
// each of them: 1 for the set whose attributes are given, 0 for the others.
#include <torch/script.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

torch::Tensor read_picture(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  int64_t width = 0, height = 0, most = 0;
  file >> magic >> width >> height >> most;
  file.get();
  if (!file || magic != "P6" || most != 255 || width <= 0 || height <= 0) {
    throw std::runtime_error(path + " is not a binary PPM of 8 bits");
  }
  auto picture = torch::empty({1, height, width, 3}, torch::kUInt8);
  file.read(reinterpret_cast<char*>(picture.data_ptr<uint8_t>()), picture.numel());
  if (!file) throw std::runtime_error(path + " ends early");
  return picture;
}

void write_picture(const std::string& path, const torch::Tensor& picture) {
  const auto plain = picture.contiguous();
  std::ofstream file(path, std::ios::binary);
  file << "P6\n" << plain.size(2) << " " << plain.size(1) << "\n255\n";
  file.write(reinterpret_cast<const char*>(plain.data_ptr<uint8_t>()), plain.numel());
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
}

int main(int count, char** arguments) try {
  if (count < 5) {
    std::cerr << "usage: translate MODEL.pt INPUT.ppm OUTPUT.ppm NUMBER...\n";
    return 2;
  }
  std::vector<float> numbers;
  for (int i = 4; i < count; ++i) numbers.push_back(std::stof(arguments[i]));

  torch::InferenceMode guard;
  auto model = torch::jit::load(arguments[1]);
  const auto label = torch::tensor(numbers).unsqueeze(0);
  write_picture(arguments[3], model.forward({read_picture(arguments[2]), label}).toTensor());
  return 0;
} catch (const std::exception& error) {
  std::cerr << "error: " << error.what() << "\n";
  return 1;
}
