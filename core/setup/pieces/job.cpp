// See job.hpp.
#include "core/setup/pieces/job.hpp"

#include "core/base/io/file.hpp"

namespace fcvm::setup {

Result<Piece> install_file(const Job& job, Piece piece, const std::string& file,
                           std::string_view bytes) {
  const auto built = FCVM_TRY(job.workshop.new_directory(piece.name));
  FCVM_TRY(base::write_file_atomic(built / file, bytes));
  return install_piece(job.workshop.guests(), built, std::move(piece));
}

}  // namespace fcvm::setup
