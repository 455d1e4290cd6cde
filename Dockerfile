# The command tess-psf, from this clone: docker build --tag tess-psf . ; docker run --rm --volume "$PWD:/data" tess-psf demo
FROM python:3.12-slim AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

# What jobs on other machines start: no command of its own, and the storage of products (docs/object_storage.md).
FROM python:3.12-slim AS node
COPY --from=wheel /wheel /wheel
RUN pip install --no-cache-dir /wheel/*.whl snakemake-storage-plugin-s3
WORKDIR /data

FROM python:3.12-slim
COPY --from=wheel /wheel /wheel
RUN pip install --no-cache-dir /wheel/*.whl
# Snakemake, astropy and matplotlib keep files in the home folder, which any user has to be able to write.
ENV HOME=/tmp
WORKDIR /data
ENTRYPOINT ["tess-psf"]
CMD ["--help"]
